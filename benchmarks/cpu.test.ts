import test from 'ava';
import { busySeconds, processCpuSeconds, processMegabytes, residentMegabytes } from './cpu.ts';

test('busySeconds() counts work and softirq, but neither idle nor stolen time', t => {
  // user nice system idle iowait irq softirq steal guest guest_nice
  t.is(busySeconds('cpu  100 20 300 99999 88888 4 50 77777 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n'), 4.74);
});

test('busySeconds() of something else is an error', t => {
  t.throws(() => busySeconds('intr 1 2 3'), { message: /no line "cpu"/ });
});

test('residentMegabytes() reads VmRSS', t => {
  t.is(residentMegabytes('VmPeak:\t  99 kB\nVmRSS:\t  100000 kB\n'), 102.4);
  t.throws(() => residentMegabytes('State:\tZ (zombie)\n'), { message: /no resident memory/ });
});

test('this process has used some processor time and memory', t => {
  const before = processCpuSeconds([process.pid]);
  t.true(before > 0);
  t.true(processCpuSeconds([process.pid]) >= before);
  t.true(processMegabytes(process.pid) > 1);
});
