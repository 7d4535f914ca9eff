import test from 'ava';
import { readDestinationMac, readSourceMac } from '../../dataplane/headers/ethernet.ts';
import { isValidIpv4, readIpv4TotalLength } from '../../dataplane/headers/ipv4.ts';
import { type ProbeOptions, VARIANT_MAC, writeProbe } from './probe-frame.ts';

const OPTIONS: ProbeOptions = {
  sourceMac: '02:00:5e:10:00:01',
  destinationMac: '02:00:5e:10:00:02',
  payload: 64,
  vary: 'nothing',
  variants: 1,
};

function frame(options: ProbeOptions, variant: number): DataView {
  const view = new DataView(new ArrayBuffer(128));
  return new DataView(view.buffer, 0, writeProbe(view, 0, options, variant));
}

test('writeProbe() writes a frame that a kernel accepts: lengths agree and the IPv4 checksum is right', t => {
  const view = frame(OPTIONS, 0);
  t.is(view.byteLength, 14 + 20 + 8 + 64);
  t.true(isValidIpv4(view, 14, view.byteLength - 14));
  t.is(readIpv4TotalLength(view, 14), 20 + 8 + 64);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  t.is((sum & 0xffff) + (sum >>> 16), 0xffff, 'RFC 1071: the sum over a right header is all ones');
});

test('writeProbe() written over an earlier frame is the same as on blank memory', t => {
  const view = new DataView(new ArrayBuffer(128));
  writeProbe(view, 0, { ...OPTIONS, payload: 18 }, 0);
  writeProbe(view, 0, OPTIONS, 0);
  t.deepEqual(new Uint8Array(view.buffer, 0, 106), new Uint8Array(frame(OPTIONS, 0).buffer, 0, 106));
});

test('writeProbe() varies what it is told to, and nothing else', t => {
  t.is(
    Number(readDestinationMac(frame({ ...OPTIONS, vary: 'destination-mac' }, 49_999), 0)),
    VARIANT_MAC + 49_999,
  );
  t.is(Number(readSourceMac(frame({ ...OPTIONS, vary: 'source-mac' }, 70_000), 0)), VARIANT_MAC + 70_000);
  t.is(frame({ ...OPTIONS, vary: 'source-port' }, 999).getUint16(34), 1024 + 999);
  t.deepEqual(frame(OPTIONS, 5), frame(OPTIONS, 0));
});
