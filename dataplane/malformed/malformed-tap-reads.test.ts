/**
 * The table of offload-rows.ts read from a TAP. A FIFO stands for it, for no kernel can be made to say such things: the
 * addon reads it as it reads a TAP, and the Forwarder sends what it accepts.
 *
 * One message is one read, so a batch has one frame here; batches are what fuzz/tap.c reads.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, constants as fs, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loopTurn } from '../native/testing/process-state.ts';
import { NativeTapPort } from '../tap.ts';
import { concat, udpFrame } from '../testing/frames.ts';
import { DirectRig } from './direct-rig.ts';
import { OFFLOAD_ROWS, type Offload } from './offload-rows.ts';
import { edited, OUTWARD } from './row.ts';

/** A pipe holds this much (pipe(7)), and what is read at once must have been written at once. */
const PIPE_SIZE = 65_536;
const VALUES = [0x00, 0x01, 0x7f, 0x80, 0xff];
const NOTHING: Offload = { flags: 0, gsoType: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 };
const GOOD = concat(vnetHeader(NOTHING), udpFrame({ ...OUTWARD, sourcePort: 999 }));

function vnetHeader(offload: Offload): Uint8Array {
  const header = Buffer.alloc(12);
  header[0] = offload.flags;
  header[1] = offload.gsoType;
  header.writeUInt16LE(offload.headerLength ?? 0, 2);
  header.writeUInt16LE(offload.gsoSize, 4);
  header.writeUInt16LE(offload.csumStart, 6);
  header.writeUInt16LE(offload.csumOffset, 8);
  return header;
}

class Reader {
  readonly rig = new DirectRig();
  readonly port: NativeTapPort;
  private readonly writer: number;
  private lost = 0;

  constructor(t: ExecutionContext) {
    const directory = mkdtempSync(join(tmpdir(), 'weft-malformed-'));
    const path = join(directory, 'fifo');
    execFileSync('mkfifo', [path]);
    const fd = openSync(path, fs.O_RDWR | fs.O_NONBLOCK);
    this.writer = openSync(path, fs.O_RDWR | fs.O_NONBLOCK);
    const { arena, forwarder, network, container } = this.rig;
    this.port = new NativeTapPort(
      { arena },
      { fd },
      {
        onFrames: (batch, count) => forwarder.onTapFrames(network, container, batch, count),
        onLost: () => this.lost++,
      },
    );
    t.teardown(() => {
      this.port.close();
      closeSync(this.writer);
      rmSync(directory, { recursive: true });
    });
  }

  /** What came of one read: the frames sent, the counter that went up by one, or both empty if nothing did. */
  async read(
    message: Uint8Array,
  ): Promise<{ readonly sent: readonly Buffer[]; readonly counted: readonly string[] }> {
    const { rig, port } = this;
    const { rxFrames, rxBadGeometry, rxTruncated } = port.counters;
    const seen = () => port.counters.rxFrames + port.counters.rxBadGeometry + port.counters.rxTruncated;
    const before = seen();
    const drops = rig.drops();
    rig.sent.length = 0;
    writeSync(this.writer, message);
    while (seen() === before) await loopTurn();
    const counted = [
      ...Array<string>(port.counters.rxBadGeometry - rxBadGeometry).fill('rxBadGeometry'),
      ...Array<string>(port.counters.rxTruncated - rxTruncated).fill('rxTruncated'),
      ...Object.entries(rig.drops()).flatMap(([reason, count]) =>
        Array<string>(count - (drops[reason] ?? 0)).fill(reason),
      ),
    ];
    if (this.lost > 0 || port.counters.rxFrames - rxFrames > 1)
      throw new Error('the port is lost, or read twice');
    return { sent: rig.sent.splice(0), counted };
  }
}

for (const row of OFFLOAD_ROWS.filter(({ frame }) => frame.length + 12 <= PIPE_SIZE)) {
  test(`read from a TAP: ${row.name}: ${row.sent === undefined ? 'rxBadGeometry' : 'sent'}`, async t => {
    const reader = new Reader(t);
    const whole = concat(vnetHeader(row.offload), row.frame);
    for (const time of ['first', 'second']) {
      const { sent, counted } = await reader.read(whole);
      t.deepEqual(counted, row.sent === undefined ? ['rxBadGeometry'] : [], `the ${time} time`);
      t.deepEqual(
        sent,
        (row.sent ?? []).map(bytes => Buffer.from(bytes)),
      );
      t.deepEqual((await reader.read(GOOD)).sent, [Buffer.from(GOOD.subarray(12))], 'the good one behind it');
    }
    const odd: string[] = [];
    const check = async (what: string, message: Uint8Array) => {
      const { sent, counted } = await reader.read(message);
      // Sent or counted, never both and never neither.
      if (counted.length + Math.min(1, sent.length) !== 1)
        odd.push(`${what}: ${sent.length} sent, ${counted.join()}`);
    };
    for (let size = 1; size < Math.min(whole.length, 128); size++)
      await check(`cut to ${size}`, whole.subarray(0, size));
    for (let at = 0; at < Math.min(whole.length, 128); at++)
      for (const value of VALUES) await check(`byte ${at} = ${value}`, edited(whole, [at, value]));
    t.deepEqual(odd, []);
    t.deepEqual(
      (await reader.read(GOOD)).sent,
      [Buffer.from(GOOD.subarray(12))],
      'a good one behind all of it',
    );
  });
}
