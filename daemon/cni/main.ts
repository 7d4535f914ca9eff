#!/usr/bin/env node
/**
 * weft-cni in TypeScript, for where the program of native/ was not built: the same to the daemon, with the 100 ms that a start of Node
 * takes. It runs no IPAM plugin, and remembers no DEL.
 */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { DEFAULT_SOCKET_PATH } from '../api/socket-path.ts';
import { type CniAnswer, headersOf, parseCall } from './call.ts';
import { CNI_ERROR, CniError, cniErrorOf } from './cni-error.ts';
import { versionOf } from './network-config.ts';
import { CNI_VERSIONS } from './version.ts';

async function answer(config: string): Promise<CniAnswer> {
  const call = parseCall(process.env, { config });
  if (call.command === 'VERSION') {
    const body = { cniVersion: versionOf(config), supportedVersions: CNI_VERSIONS };
    return { ok: true, body: JSON.stringify(body) };
  }
  const [, ipam] = /"ipam"\s*:\s*\{[^}]*"type"\s*:\s*"([^"]*)"/.exec(config) ?? [];
  if (ipam !== undefined && ipam !== 'weft') {
    const hint = 'build weft with a C compiler, and install weft-cni again: weft cni install';
    throw new CniError(
      CNI_ERROR.unsupportedField,
      `this form of weft-cni runs no IPAM plugin (${ipam})`,
      hint,
    );
  }
  return await ask(config);
}

function ask(config: string): Promise<CniAnswer> {
  const [, socketPath = DEFAULT_SOCKET_PATH] = /"socket"\s*:\s*"([^"\\]*)"/.exec(config) ?? [];
  const headers: Record<string, string> = {
    host: 'weft',
    connection: 'close',
    'content-type': 'text/plain',
    ...headersOf(process.env),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method: 'POST', path: '/v1/cni', headers, agent: false });
    outgoing.on('error', cause => {
      const code = headers['x-cni-command'] === 'STATUS' ? CNI_ERROR.limited : CNI_ERROR.tryAgain;
      reject(new CniError(code, 'no weft daemon answers', `${socketPath}: ${cause.message}`));
    });
    outgoing.on('response', response => {
      const ok = response.headers['x-weft-cni'] === 'ok';
      text(response).then(body => resolve({ ok, body }), reject);
    });
    outgoing.end(config);
  });
}

function failure(config: string, error: unknown): CniAnswer {
  const { code, message, details } = cniErrorOf(error) ?? new CniError(CNI_ERROR.io, String(error));
  return { ok: false, body: JSON.stringify({ cniVersion: versionOf(config), code, msg: message, details }) };
}

const config = await text(process.stdin);
const { ok, body } = await answer(config).catch(error => failure(config, error));
process.stdout.write(body === '' ? '' : `${body.trim()}\n`);
process.exitCode = ok ? 0 : 1;
