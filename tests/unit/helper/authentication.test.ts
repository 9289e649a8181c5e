/** Who is let in, where a real process can't be made to show it: groups, pids that became another's, lost ancestors. */
import { describe, expect, test } from "bun:test";
import {
  Authenticator,
  handshakeFacts,
  TIMESTAMP_MS_MAX,
  type Access,
  type Refusal,
} from "../../../src/helper/authentication.ts";
import type { PeerFacts } from "../../../src/helper/peers.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import { clientMac, makeRandomBytes } from "../../../src/protocol/helper/handshake.ts";
import type { AuthenticateRequest, Challenge } from "../../../src/protocol/helper/messages.ts";

const SECRET = makeRandomBytes(32);
const CREDENTIALS = { pid: 100, userId: 1000, groupId: 1000 };
const GROUP = 77;
const CHALLENGE: Challenge = {
  type: "challenge",
  version: 1,
  nonce: makeRandomBytes(32),
  instance: makeRandomBytes(16),
  pid: 5,
};

/** A kernel that says what suits the test. */
function kernel(facts: Partial<PeerFacts> = {}): PeerFacts {
  return {
    startTicks: () => 1,
    groups: () => ({ userId: 1000, groupIds: [4, 24] }),
    executable: () => "file",
    isAncestor: () => true,
    rows: () => [],
    ...facts,
  };
}

function access(given: Partial<Access> = {}): Access {
  return { userIds: [], groupId: undefined, clientPid: undefined, ...given };
}

function admitted(facts: PeerFacts, given: Access, credentials = CREDENTIALS): Refusal | "admitted" {
  const found = new Authenticator(SECRET, given, facts, new ManualClock(0)).admit(credentials);
  return typeof found === "string" ? found : "admitted";
}

describe("who may connect", () => {
  test("root, the launching user, members of the group by either kind of membership", () => {
    expect(admitted(kernel(), access())).toBe("user_not_allowed");
    expect(admitted(kernel(), access(), { ...CREDENTIALS, userId: 0 })).toBe("admitted");
    expect(admitted(kernel(), access({ userIds: [1000] }))).toBe("admitted");
    expect(admitted(kernel(), access({ groupId: GROUP }))).toBe("user_not_allowed");
    expect(admitted(kernel(), access({ groupId: GROUP }), { ...CREDENTIALS, groupId: GROUP })).toBe(
      "admitted",
    );
    const member = kernel({ groups: () => ({ userId: 1000, groupIds: [4, GROUP] }) });
    expect(admitted(member, access({ groupId: GROUP }))).toBe("admitted");
    expect(admitted(kernel({ groups: () => undefined }), access({ groupId: GROUP }))).toBe(
      "user_not_allowed",
    );
  });

  test("nobody whom the kernel does not know", () => {
    expect(admitted(kernel({ startTicks: () => undefined }), access({ userIds: [1000] }))).toBe(
      "peer_unknown",
    );
    expect(admitted(kernel(), access({ userIds: [1000] }), { ...CREDENTIALS, pid: 0 })).toBe("peer_unknown");
  });
});

function checked(
  facts: PeerFacts,
  given: Access = access({ userIds: [1000] }),
  offsetMs = 0,
): Refusal | undefined {
  const clock = new ManualClock(1_800_000_000_000);
  const timestampMs = clock.nowMs() + offsetMs;
  const facts0 = { type: "authenticate", id: 1, version: 1, pid: 100, timestampMs } as const;
  const unsigned = { ...facts0, nonce: makeRandomBytes(32), executable: "/wb", mac: new Uint8Array(32) };
  const mac = clientMac(SECRET, handshakeFacts(unsigned, CHALLENGE));
  const request: AuthenticateRequest = { ...unsigned, mac };
  const authenticator = new Authenticator(SECRET, given, facts, clock);
  return authenticator.check(request, { credentials: CREDENTIALS, startTicks: 1 }, CHALLENGE);
}

describe("a right handshake", () => {
  test("is accepted", () => {
    expect(checked(kernel())).toBeUndefined();
    expect(checked(kernel({ executable: () => "digest" }))).toBeUndefined();
    expect(checked(kernel(), access({ clientPid: 100 }))).toBeUndefined();
  });

  test("is refused where its time is off by more than thirty seconds, either way", () => {
    for (const sign of [1, -1]) {
      expect(checked(kernel(), undefined, sign * TIMESTAMP_MS_MAX)).toBeUndefined();
      expect(checked(kernel(), undefined, sign * (TIMESTAMP_MS_MAX + 1))).toBe("timestamp");
    }
    expect(TIMESTAMP_MS_MAX).toBe(30_000);
  });

  test("is refused where the pid is another process's by now, also while it was being looked at", () => {
    expect(checked(kernel({ startTicks: () => 2 }))).toBe("pid_reused");
    expect(checked(kernel({ startTicks: () => undefined }))).toBe("pid_reused");
    const answers = [1, 2];
    expect(checked(kernel({ startTicks: () => answers.shift() }))).toBe("pid_reused");
  });

  test("is refused of a process that is not the launcher, or no ancestor any more", () => {
    expect(checked(kernel(), access({ clientPid: 101 }))).toBe("not_the_launcher");
    expect(checked(kernel({ isAncestor: () => false }), access({ clientPid: 100 }))).toBe("not_an_ancestor");
  });

  test("is refused where the executable is another one, or can't be seen", () => {
    expect(checked(kernel({ executable: () => "other" }))).toBe("executable");
    expect(checked(kernel({ executable: () => "unreadable" }))).toBe("executable");
  });
});
