import test from 'ava';
import { HTTP_STATUS, isErrorBody } from '../api/error-status.ts';
import { REPORT_NAMES } from '../api/reports.ts';
import { requireNetwork } from '../networks/network-operations.ts';
import { fencedBlock, readDoc, tableRows } from '../testing/docs.ts';
import { FAKE_DIAGNOSIS } from '../testing/fake-doctor.ts';
import { FAKE_EXPLANATION, FAKE_KEYS, FAKE_RESOLUTION, FakeNode } from '../testing/fake-node.ts';
import { formatDoctor } from './doctor.ts';
import { formatExplanation } from './explain.ts';
import { formatKeys } from './gossip-keys.ts';
import type { CliIo } from './io.ts';
import { formatNetwork } from './network.ts';
import { buildProgram } from './program.ts';
import { REPORTS } from './reports.ts';
import { formatResolution } from './resolve.ts';

test('docs/cli.md shows the JSON and the table of each report as the program prints them', async t => {
  const docs = await readDoc('cli.md');
  const node = new FakeNode();
  for (const name of REPORT_NAMES) {
    t.deepEqual(JSON.parse(fencedBlock(docs, `json ${name}`)), await node[name](), name);
    const { text } = await REPORTS[name].ask(node);
    t.true(docs.includes(`\`\`\`\n$ weft ${name}\n${text()}\n\`\`\`\n`), name);
  }
  t.deepEqual(
    JSON.parse(fencedBlock(docs, 'json detach')),
    await node.detach({ netns: 'web', network: 'blue', ifname: 'eth0' }),
  );
  const { mac } = FAKE_EXPLANATION;
  t.deepEqual(JSON.parse(fencedBlock(docs, 'json explain')), FAKE_EXPLANATION);
  t.true(docs.includes(`$ weft fdb --explain ${mac}\n${formatExplanation(FAKE_EXPLANATION)}\n`));
  t.deepEqual(JSON.parse(fencedBlock(docs, 'json resolve')), FAKE_RESOLUTION);
  t.true(docs.includes(`$ weft resolve web\n${formatResolution(FAKE_RESOLUTION)}\n`));
  t.deepEqual(JSON.parse(fencedBlock(docs, 'json release')), await node.release({ mac, network: 'blue' }));
  t.deepEqual(JSON.parse(fencedBlock(docs, 'json keys')), FAKE_KEYS);
  t.true(docs.includes(`$ weft gossip keys list\n${formatKeys(FAKE_KEYS)}\n`));
  const networks = await node.networks();
  t.true(docs.includes(`$ weft network show green\n${formatNetwork(requireNetwork(networks, 'green'))}\n`));
  t.deepEqual(JSON.parse(fencedBlock(docs, 'json doctor')), FAKE_DIAGNOSIS);
  t.true(docs.includes(`$ weft doctor\n${formatDoctor(FAKE_DIAGNOSIS)}\n`));
  t.true(isErrorBody(JSON.parse(fencedBlock(docs, 'json error'))));
});

test('docs/cli.md names each command and each option', async t => {
  const docs = await readDoc('cli.md');
  const program = buildProgram({} as CliIo);
  const commands = program.commands.flatMap(command => [command, ...command.commands]);
  t.true(commands.length >= 11);
  for (const option of [program, ...commands].flatMap(command => command.options)) {
    t.true(docs.includes(option.long ?? '?'), option.flags);
  }
  for (const command of program.commands)
    t.regex(docs, new RegExp(`^### ?weft ${command.name()}|^## weft ${command.name()}`, 'm'));
});

test('docs/cli.md gives the HTTP status of each code that a request can fail with', async t => {
  const rows = tableRows(await readDoc('cli.md'), '## The API').map(([code = '', status = '']) => [
    code.replaceAll('`', ''),
    Number(status),
  ]);
  const internal = ['invalid_config', 'malformed'];
  t.deepEqual(
    Object.fromEntries(rows),
    Object.fromEntries(Object.entries(HTTP_STATUS).filter(([code]) => !internal.includes(code))),
  );
});
