/**
 * `weft` over a {@link FakeNode}: everything of the program but the node. Attaching one of these namespaces makes it
 * misbehave: `fatal` (the node fails), `crash` (an exception nobody catches), `reject` (a rejection nobody handles),
 * `hang` (no answer), `stuck` (a stop that never ends). WEFT_FAKE_START=fail makes the start fail, =slow makes it wait
 * for the first byte on standard input.
 */
import { once } from 'node:events';
import { WeftError } from '../../dataplane/errors.ts';
import { runProgram } from '../cli/run-program.ts';
import type { AttachRequest, EndpointReport } from '../operations.ts';
import type { RunningNode, StartNode } from '../running-node.ts';
import { fakeCni } from './fake-cni.ts';
import { FakeNode } from './fake-node.ts';

class MisbehavingNode extends FakeNode {
  stuck = false;
  readonly fatal: Promise<WeftError>;
  private fail: (error: WeftError) => void = () => {};

  constructor() {
    super();
    this.fatal = new Promise(resolve => {
      this.fail = resolve;
    });
  }

  override async attach(request: AttachRequest): Promise<EndpointReport> {
    switch (request.netns) {
      case 'fatal':
        this.fail(new WeftError('system', 'the fake socket is lost: EBADF', { hint: 'start weft again' }));
        break;
      case 'crash':
        setImmediate(() => {
          throw new Error('fake defect');
        });
        break;
      case 'reject':
        void Promise.reject(new Error('fake rejection'));
        break;
      case 'hang':
        return new Promise(() => {});
      case 'stuck':
        this.stuck = true;
        break;
    }
    return super.attach(request);
  }
}

const startFake: StartNode = async (_, log) => {
  const { WEFT_FAKE_START: mode } = process.env;
  if (mode === 'fail') {
    throw new WeftError('not_permitted', 'cannot open /dev/net/tun: permission denied', {
      hint: 'run as root',
    });
  }
  if (mode === 'slow') {
    log.info({}, 'fake node waits');
    await once(process.stdin, 'data');
    process.stdin.destroy();
  }
  const node = new MisbehavingNode();
  log.info({}, 'fake node started');
  const running: RunningNode = {
    operations: node,
    cni: fakeCni,
    docker: async () => undefined,
    fatal: node.fatal,
    reload: { check: () => {}, setJoin: () => {}, changeNetwork: async () => {} },
    health: { prove: () => Promise.resolve(), summary: () => 'fake' },
    stop(reason) {
      log.info({ reason }, 'fake node stopped');
      return node.stuck ? new Promise(() => {}) : Promise.resolve();
    },
  };
  return running;
};

await runProgram(startFake);
