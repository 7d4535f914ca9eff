import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { packageRoot } from '../package-info.ts';
import { restrictionsOf } from './unit-process.ts';

test('of a unit all is taken that says what it may do, and nothing of its life', t => {
  const unit = `[Unit]
Description=x
[Service]
Type=notify
# ProtectHome=no
ExecStart=/usr/bin/x
RestartSec=0
StateDirectory=x
StateDirectoryMode=0700
SystemCallFilter=@system-service setns
SystemCallFilter=~@resources
AmbientCapabilities=
UMask=0077

[Install]
WantedBy=multi-user.target
`;
  t.deepEqual(restrictionsOf(unit), [
    'SystemCallFilter=@system-service setns',
    'SystemCallFilter=~@resources',
    'AmbientCapabilities=',
    'UMask=0077',
  ]);
});

test('of the unit of weft nothing is left out that a daemon could run into', t => {
  const taken = restrictionsOf(readFileSync(join(packageRoot, 'daemon/systemd/weft.service'), 'utf8'));
  const names = new Set(taken.map(line => line.replace(/=.*/, '')));
  for (const name of [
    'CapabilityBoundingSet',
    'SystemCallFilter',
    'RestrictNamespaces',
    'ProtectSystem',
    'DevicePolicy',
    'LimitNOFILE',
    'TasksMax',
  ])
    t.true(names.has(name), name);
});
