/** What `weft doctor` asks of the daemon: GET /v1/self, and POST /v1/probe/{open,send,look}. */
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { DoctorOperations } from '../doctor/doctor-operations.ts';
import { MAX_PROBES } from '../doctor/path/control-message.ts';
import type { ProbeLookRequest, ProbePathRequest, ProbeSendRequest } from '../doctor/path/path-facts.ts';
import { textLeaf } from '../leaf.ts';
import { parseNodeName } from '../names.ts';
import { checkRequest } from './check-request.ts';

const openBody = z.strictObject({ peer: textLeaf(parseNodeName) });

const token = z.string().regex(/^[0-9a-f]{32}$/, 'not a token; take that of /v1/probe/open');
const number = z
  .number()
  .int()
  .min(0)
  .max(MAX_PROBES - 1);
/** A few rounds of sizes. */
const MAX_AT_ONCE = 64;

const sendBody = z.strictObject({
  token,
  probes: z.array(z.strictObject({ number, bytes: z.number().int().min(64).max(65_535) })).max(MAX_AT_ONCE),
});

const lookBody = z.strictObject({
  token,
  numbers: z.array(number).max(MAX_PROBES),
  wait_ms: z.number().int().min(0).max(5000),
});

export function addDoctorRoutes(app: FastifyInstance, operations: DoctorOperations): void {
  app.get('/v1/self', () => operations.self());
  app.post('/v1/probe/open', request => operations.openPath(parseProbePath(request.body)));
  app.post('/v1/probe/send', request => operations.sendProbes(parseProbeSend(request.body)));
  app.post('/v1/probe/look', request => operations.lookAtProbes(parseProbeLook(request.body)));
}

/** Throws `invalid_argument`, as all of these. */
export function parseProbePath(body: unknown): ProbePathRequest {
  return checkRequest('probe the path', openBody, body);
}

export function parseProbeSend(body: unknown): ProbeSendRequest {
  return checkRequest('send probes', sendBody, body);
}

export function parseProbeLook(body: unknown): ProbeLookRequest {
  return checkRequest('look at probes', lookBody, body);
}
