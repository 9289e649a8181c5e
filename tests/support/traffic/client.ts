/**
 * The client of the test traffic: a line on stdin is a scenario and a family, and when it is done the counts of its
 * connections are a line on stdout. Everything blocks, so that the order of events is what the scenario says.
 */
import { closeSync, openSync } from "node:fs";
import { COMMANDS, type ClosingScenario, type Family, type Scenario } from "./scenarios.ts";
import { CountingSocket, type Counted } from "./sockets.ts";

const port = Number(process.argv[2]);
const filePath = process.argv[3] ?? "/dev/null";
const ADDRESSES = JSON.parse(process.argv[4] ?? "{}") as Readonly<Record<Family, string>>;
const longLived = new Map<Family, CountingSocket[]>();
let address = ADDRESSES.ipv4;

function connect(command: number, number: number): CountingSocket {
  const socket = CountingSocket.connect(address, port);
  const header = new Uint8Array(8);
  new DataView(header.buffer).setUint32(0, command, true);
  new DataView(header.buffer).setUint32(4, number, true);
  socket.sendBytes(header);
  return socket;
}

/** Sends, receives, and lets the client close first. */
function exchange(sendBytes: number, answerBytes: number): CountingSocket {
  const socket = connect(COMMANDS.answerThenWait, answerBytes);
  socket.send(sendBytes);
  socket.receive(answerBytes);
  socket.close();
  return socket;
}

function waitingPeer(milliseconds: number): CountingSocket[] {
  const sockets = Array.from({ length: 5 }, () => connect(COMMANDS.waitThenClose, milliseconds));
  for (const socket of sockets) socket.close();
  return sockets;
}

const SCRIPTS: Readonly<Record<Scenario | ClosingScenario, () => CountingSocket[]>> = {
  "peer-closes-30-ms-later": () => waitingPeer(30),
  "peer-closes-80-ms-later": () => waitingPeer(80),
  "peer-closes-400-ms-later": () => waitingPeer(400),
  "shut-then-closed-before-the-peer": () => {
    const sockets = Array.from({ length: 5 }, () => connect(COMMANDS.waitThenClose, 200));
    for (const socket of sockets) socket.shutdownSending();
    Bun.sleepSync(80); // longer than an acknowledgement may be delayed
    for (const socket of sockets) socket.close();
    return sockets;
  },
  "lingering-close": () =>
    Array.from({ length: 5 }, (_, index) => {
      const socket = connect(COMMANDS.answerThenWait, 50 + index);
      socket.receive(50 + index);
      socket.shutdownSending();
      socket.receive(1); // the end of the stream
      socket.close();
      return socket;
    }),
  "closed-long-after-the-peer": () => {
    const socket = connect(COMMANDS.answerThenWait, 50);
    socket.receive(50);
    socket.shutdownSending();
    socket.receive(1);
    Bun.sleepSync(1500); // a program that is slow to let go
    socket.close();
    return [socket];
  },
  "peer-answers-a-closed-socket": () => {
    const sockets = Array.from({ length: 5 }, (_, index) => connect(COMMANDS.waitThenAnswer, 200 + index));
    for (const socket of sockets) socket.close();
    return sockets;
  },
  "half-closed-then-reset-by-peer": () => {
    const socket = connect(COMMANDS.answerAfterEofAndReset, 77);
    socket.shutdownSending();
    socket.receive(77);
    socket.receive(1); // the reset
    socket.close();
    return [socket];
  },
  "half-closed-then-closed-unread": () =>
    [1, 2, 500].map((answer) => {
      const socket = connect(COMMANDS.answerAfterEofAndStay, answer);
      socket.shutdownSending();
      socket.leaveUnread(answer);
      socket.close();
      return socket;
    }),
  "closed-with-unread-answer": () =>
    [1, 2, 500].map((answer) => {
      const socket = connect(COMMANDS.answerAndClose, answer);
      socket.leaveUnread(answer);
      waitUntilAcknowledged();
      socket.close();
      return socket;
    }),
  "end-of-stream-unread": () => {
    const socket = connect(COMMANDS.answerAndClose, 300);
    socket.receive(300);
    waitUntilAcknowledged();
    socket.close();
    return [socket];
  },
  "both-close-at-once": () =>
    Array.from({ length: 20 }, (_, index) => {
      const socket = connect(COMMANDS.answerAndClose, index);
      socket.receive(index);
      socket.close();
      return socket;
    }),
  "short-client-closes": () => [exchange(1234, 4321), exchange(1, 1), exchange(70_001, 3)],
  "short-server-closes": () => {
    const socket = connect(COMMANDS.answerAndClose, 777);
    socket.receive(777);
    socket.receive(1); // the end of the stream
    socket.close();
    return [socket];
  },
  "sequential-500": () => Array.from({ length: 500 }, (_, index) => exchange(index, 1000 - index)),
  "parallel-200": () => {
    const sockets = Array.from({ length: 200 }, (_, index) => connect(COMMANDS.answerThenWait, index * 7));
    for (const [index, socket] of sockets.entries()) socket.send(index * 31);
    for (const [index, socket] of sockets.entries()) socket.receive(index * 7);
    for (const socket of sockets) socket.close();
    return sockets;
  },
  "half-closed-by-client": () => {
    const socket = connect(COMMANDS.answerAfterEof, 54_321);
    socket.send(999);
    socket.shutdownSending();
    socket.receive(54_321);
    socket.receive(1);
    socket.close();
    return [socket];
  },
  "half-closed-by-server": () => {
    const socket = connect(COMMANDS.halfClose, 222);
    socket.receive(222);
    socket.receive(1);
    socket.send(33_333);
    socket.close();
    return [socket];
  },
  "reset-by-client": () => {
    const socket = connect(COMMANDS.answerThenWait, 500);
    socket.send(600);
    socket.receive(500);
    waitUntilRead();
    socket.reset();
    return [socket];
  },
  "reset-by-server": () => {
    const socket = connect(COMMANDS.answerAndReset, 345);
    socket.receive(345);
    socket.receive(1); // the reset
    socket.close();
    return [socket];
  },
  "reset-without-reading": () => {
    const sockets = Array.from({ length: 20 }, () => {
      const socket = connect(COMMANDS.answerThenWait, 0);
      socket.send(100);
      return socket;
    });
    waitUntilRead();
    for (const socket of sockets) socket.reset();
    return sockets;
  },
  "write-to-closed-peer": () => {
    const socket = connect(COMMANDS.answerAndClose, 100);
    socket.receive(100);
    socket.waitFor("in"); // the peer's FIN is here, unread
    socket.send(11);
    socket.waitFor("in");
    waitUntilAcknowledged();
    socket.close();
    return [socket];
  },
  "write-to-closed-peer-after-eof": () => {
    const socket = connect(COMMANDS.answerAndClose, 100);
    socket.receive(101);
    socket.send(13);
    waitUntilAcknowledged();
    socket.close();
    return [socket];
  },
  sendfile: () => {
    const socket = connect(COMMANDS.sendFile, 200_000);
    const file = openSync(filePath, "r");
    socket.sendFile(file, 150_000);
    closeSync(file);
    socket.receive(200_000);
    socket.close();
    return [socket];
  },
  "non-blocking-partial": () => {
    const socket = connect(COMMANDS.answerThenWait, 10);
    socket.smallSendBuffer();
    let left = 3_000_000;
    while (left > 0) {
      const count = socket.trySend(left);
      if (count > 0) left -= count;
      else socket.waitFor("out");
    }
    socket.receive(10);
    socket.close();
    return [socket];
  },
  "bulk-both-ways": () => [exchange(5_000_000, 4_000_000)],
  "no-payload": () => {
    const socket = CountingSocket.connect(address, port);
    socket.close();
    return [socket];
  },
};

/** Loopback delivers while it sends; the other process has to take its turn before the next step means something. */
/** A reset throws away what the server has not read by then: long enough for one that gets a processor only now and then. */
function waitUntilRead(): void {
  Bun.sleepSync(300);
}

function waitUntilAcknowledged(): void {
  Bun.sleepSync(20); // a program that pauses is part of the scenario, not of the test's waiting
}

function longLivedStep(step: string, family: Family): CountingSocket[] {
  if (step === "open") {
    const sockets = Array.from({ length: 5 }, (_, index) => connect(COMMANDS.answerThenWait, 100 + index));
    for (const [index, socket] of sockets.entries()) socket.receive(100 + index);
    longLived.set(family, sockets);
    return sockets;
  }
  const sockets = longLived.get(family) ?? [];
  for (const [index, socket] of sockets.entries()) {
    if (step === "more") socket.send(10_000 * (index + 1));
    else socket.close();
  }
  return sockets;
}

console.log(JSON.stringify({ pid: process.pid }));
for await (const line of console) {
  if (line === "") continue; // the end of stdin
  const [name = "", family = "ipv4"] = line.split(" ");
  address = ADDRESSES[family as Family];
  const sockets = name.startsWith("long-lived:")
    ? longLivedStep(name.slice("long-lived:".length), family as Family)
    : SCRIPTS[name as Scenario | ClosingScenario]();
  const connections: Counted[] = sockets.map((socket) => socket.counted());
  console.log(JSON.stringify({ connections }));
}
