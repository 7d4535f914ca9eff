/** `fetch URL [ACCEPT]`: asks once over HTTP and prints `{status, type, body}`. */
import { argument, print } from './main.ts';

const accept = process.argv[3] ?? '*/*';
const response = await fetch(argument(0, 'URL'), { headers: { accept } });
print({
  status: response.status,
  type: response.headers.get('content-type'),
  body: await response.text(),
});
