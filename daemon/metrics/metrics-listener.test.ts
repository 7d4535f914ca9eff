import { once } from 'node:events';
import { request } from 'node:http';
import { createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import type { HostPort } from '../config/config.ts';
import { formatHostPort } from '../config/host-port.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { MetricsListener } from './metrics-listener.ts';

const LOOPBACK = '127.0.0.1';
const OTHER = '127.0.0.2';
const ALL = '0.0.0.0';
/** RFC 5737: no machine of ours has it. */
const FOREIGN = '192.0.2.99';

const NODE = { metrics: async () => 'weft_up 1\n' };
const SERVED = '200 weft_up 1\n';
const NOT_READY = '503 the node is not ready\n';
const NOBODY = 'ECONNREFUSED';

function start(t: ExecutionContext) {
  const { log, lines } = memoryLog();
  const listener = new MetricsListener({ log });
  t.teardown(() => listener.close());
  const events = () => lines.map(({ event, address = '' }) => `${event} ${address}`.trim());
  return { listener, events };
}

async function occupy(listen: HostPort): Promise<Server> {
  const server = createServer().listen(listen.port, listen.host);
  await once(server, 'listening');
  return server;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => occupy({ host: LOOPBACK, port: 0 })));
  const ports = servers.map(server => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map(server => once(server.close(), 'close')));
  return ports;
}

/** Status and body, or why nobody answers. */
async function ask({ host, port }: HostPort): Promise<string> {
  const asking = request({ host, port, path: '/metrics', agent: false }).end();
  try {
    const [response] = await once(asking, 'response');
    return `${response.statusCode} ${await text(response)}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

test('the node is served, whether it or the listener was there first', async t => {
  const { listener } = start(t);
  const [first = 0, second = 0] = await freePorts(2);
  await listener.listen({ host: LOOPBACK, port: first });
  t.is(await ask({ host: LOOPBACK, port: first }), NOT_READY);
  listener.serve(NODE);
  t.is(await ask({ host: LOOPBACK, port: first }), SERVED);
  await listener.listen({ host: LOOPBACK, port: second });
  t.is(await ask({ host: LOOPBACK, port: second }), SERVED);
});

test('without an address there is no listener; with none any more it ends', async t => {
  const { listener, events } = start(t);
  const [port = 0] = await freePorts(1);
  await listener.listen(undefined);
  listener.serve(NODE);
  t.deepEqual(events(), []);
  await listener.listen({ host: LOOPBACK, port });
  t.is(await ask({ host: LOOPBACK, port }), SERVED);
  await listener.listen(undefined);
  t.is(await ask({ host: LOOPBACK, port }), NOBODY);
  await listener.listen(undefined);
  await listener.listen({ host: LOOPBACK, port });
  t.is(await ask({ host: LOOPBACK, port }), SERVED);
});

for (const [title, from, to, { served, silent }] of [
  ['another port', [LOOPBACK, 0], [LOOPBACK, 1], { served: [[LOOPBACK, 1]], silent: [[LOOPBACK, 0]] }],
  ['another address', [LOOPBACK, 0], [OTHER, 0], { served: [[OTHER, 0]], silent: [[LOOPBACK, 0]] }],
  [
    'all addresses from one of them',
    [LOOPBACK, 0],
    [ALL, 0],
    {
      served: [
        [LOOPBACK, 0],
        [OTHER, 0],
      ],
      silent: [],
    },
  ],
  ['one address from all', [ALL, 0], [LOOPBACK, 0], { served: [[LOOPBACK, 0]], silent: [[OTHER, 0]] }],
  ['where it listens already', [LOOPBACK, 0], [LOOPBACK, 0], { served: [[LOOPBACK, 0]], silent: [] }],
] as const) {
  test(`it moves to ${title}, and listens nowhere else`, async t => {
    const { listener, events } = start(t);
    const ports = await freePorts(2);
    const at = ([host, index]: readonly [string, number]) => ({ host, port: ports[index] ?? 0 });
    listener.serve(NODE);
    await listener.listen(at(from));
    await listener.listen(at(to));
    for (const place of served) t.is(await ask(at(place)), SERVED, formatHostPort(at(place)));
    for (const place of silent) t.is(await ask(at(place)), NOBODY, formatHostPort(at(place)));
    t.deepEqual(
      events(),
      [from, to].map(place => `metrics_listening ${formatHostPort(at(place))}`),
    );
    await listener.close();
    for (const place of served) t.is(await ask(at(place)), NOBODY, formatHostPort(at(place)));
  });
}

for (const [title, to, code] of [
  ['a port that is taken', [LOOPBACK, 1], 'conflict'],
  ['another port of an address that is not there', [FOREIGN, 1], 'invalid_config'],
  ['its port of an address that is not there', [FOREIGN, 0], 'invalid_config'],
  ['its port of an address on which that is taken', [OTHER, 0], 'conflict'],
] as const) {
  test(`it cannot move to ${title}, and listens where it did`, async t => {
    const { listener } = start(t);
    const [own = 0, taken = 0] = await freePorts(2);
    const here = { host: LOOPBACK, port: own };
    const others = await Promise.all([
      occupy({ host: LOOPBACK, port: taken }),
      occupy({ host: OTHER, port: own }),
    ]);
    t.teardown(() => others.map(server => server.close()));
    listener.serve(NODE);
    await listener.listen(here);
    const there = { host: to[0], port: to[1] === 0 ? own : taken };
    await t.throwsAsync(listener.listen(there), { instanceOf: WeftError, code });
    t.is(await ask(here), SERVED);
    // And it can be moved from there still.
    await listener.listen(undefined);
    t.is(await ask(here), NOBODY);
  });
}

test('with no former place to go back to nothing listens after a failure, and the next try may succeed', async t => {
  const { listener } = start(t);
  const [port = 0] = await freePorts(1);
  const here = { host: LOOPBACK, port };
  const other = await occupy(here);
  await t.throwsAsync(listener.listen(here), { instanceOf: WeftError, code: 'conflict' });
  await once(other.close(), 'close');
  t.is(await ask(here), NOBODY);
  await listener.listen(here);
  t.is(await ask(here), NOT_READY);
});

test('what cannot be undone is logged; the error that is thrown is the first', async t => {
  const { listener, events } = start(t);
  const [port = 0] = await freePorts(1);
  await listener.listen({ host: LOOPBACK, port });
  const moved = listener.listen({ host: FOREIGN, port });
  // It has let go of its place by now, and takes it back some turns later.
  const thief = await occupy({ host: LOOPBACK, port });
  t.teardown(() => thief.close());
  await t.throwsAsync(moved, { instanceOf: WeftError, message: /192\.0\.2\.99/ });
  t.deepEqual(events().slice(1), ['undo_failed']);
});
