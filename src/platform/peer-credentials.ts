/** Who is at the other end of a Unix socket, by the kernel's word: SO_PEERCRED (unix(7)), as it was when it connected. */
import { errno, ERRNO, errnoName, libc, SO_PEERCRED, SOL_SOCKET } from "../../ffi/linux/libc.ts";
import { WbError } from "../model/errors.ts";
import type { PeerCredentials } from "../protocol/helper/transport.ts";

/** struct ucred (linux/socket.h): pid, uid and gid, 32 bits each. */
const UCRED_FIELDS = 3;

/**
 * Of the open socket `descriptor`; undefined where it is closed or no connected Unix socket. The pid is 0 where the other
 * is in a process namespace that is not visible from here.
 */
export function peerCredentials(descriptor: number): PeerCredentials | undefined {
  const credentials = new Uint32Array(UCRED_FIELDS);
  const length = Uint32Array.of(credentials.byteLength);
  if (libc().getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) {
    const error = errno();
    if (error === ERRNO.EBADF || error === ERRNO.ENOTSOCK || error === ERRNO.ENOTCONN) return undefined;
    throw new WbError("internal", `SO_PEERCRED: ${errnoName(error)}`);
  }
  const [pid, userId, groupId] = credentials;
  if (pid === undefined || userId === undefined || groupId === undefined) return undefined;
  // An unconnected socket has pid 0 and both others -1 (net/core/sock.c, cred_to_ucred).
  if (length[0] !== credentials.byteLength || userId === 0xffff_ffff) return undefined;
  return { pid, userId, groupId };
}
