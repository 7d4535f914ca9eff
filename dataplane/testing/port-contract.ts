/**
 * What ports.ts promises, as one suite of tests for any implementation: memory-ports.test.ts runs it on the fakes, the
 * tests of the real ports on the kernel. A factory opens two ports that hear each other; everything it made is gone when
 * `close` resolves.
 */
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { type IpAddress, ipFromBytes } from '../address.ts';
import { delay, systemClock } from '../clock.ts';
import { FLAG_NEEDS_CSUM, FrameBatch } from '../frame-batch.ts';
import { readSourceMac } from '../headers/ethernet.ts';
import {
  type BatchHandler,
  HEADROOM,
  type PortCounters,
  RECEIVE_BATCH,
  type TapPort,
  type UdpPort,
} from '../ports.ts';
import { Vtep } from '../vtep-table.ts';
import { concat, pattern, STATION_A, STATION_B, tcpFrame, udpFrame, viewOf } from './frames.ts';
