/**
 * The other process of the tests of the Unix transport: `unix-peer connect PATH` or `unix-peer listen PATH`. It tells on
 * stdout, line by line, what happens (`connected`, `listening`, `closed`, `refused CODE`), and ends with its stdin. A
 * listener sends each frame back; a frame that begins with 255 asks for as many bytes as the next four say.
 */
import { unixTransport } from "../../src/platform/unix-transport.ts";
import type { FrameConnection } from "../../src/protocol/helper/transport.ts";
import { WbError } from "../../src/model/errors.ts";

const LIMITS = { receivedBytesMax: 8 << 20, waitingBytesMax: 8 << 20 };
const WANTED = 255;

function answer(connection: FrameConnection, frame: Uint8Array): void {
  const sent =
    frame[0] === WANTED
      ? new Uint8Array(new DataView(frame.buffer, frame.byteOffset).getUint32(1)).fill(frame.byteLength)
      : frame.slice();
  if (!connection.send(sent)) connection.close();
}

const [mode, path = ""] = process.argv.slice(-2);
const closed = (_: FrameConnection, reason: string | undefined): void =>
  console.log(`closed ${reason ?? ""}`.trimEnd());
try {
  if (mode === "listen") {
    await using listener = await unixTransport.listen(path, LIMITS, {
      opened: () => console.log("opened"),
      frame: answer,
      closed,
    });
    console.log(`listening ${listener.path}`);
    await Bun.stdin.text();
  } else {
    const connection = await unixTransport.connect(path, LIMITS, { frame: () => undefined, closed });
    console.log("connected");
    await Bun.stdin.text();
    connection.close();
  }
} catch (error) {
  if (!(error instanceof WbError)) throw error;
  console.log(`refused ${error.code}`);
}
