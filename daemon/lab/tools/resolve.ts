/**
 * `resolve SERVER TYPE NAME…`: asks the resolver at that address, by c-ares, for each name in turn, and prints a list of what it said:
 * the sorted addresses or names as one text, or the code of the error, as in ENOTFOUND (no such name) and ENODATA (nothing of that
 * type). TYPE is A, AAAA, PTR (of addresses, not of names) or ORDER: A, unsorted. A server of `-` is that of /etc/resolv.conf.
 */
import { Resolver } from 'node:dns/promises';
import { argument, print } from './main.ts';

const server = argument(0, 'SERVER');
const type = argument(1, 'TYPE');
const resolver = new Resolver({ timeout: 5_000, tries: 1 });
if (server !== '-') resolver.setServers([server]);

async function ask(name: string): Promise<string> {
  try {
    if (type === 'PTR') return (await resolver.reverse(name)).toSorted().join();
    if (type === 'AAAA') return (await resolver.resolve6(name)).toSorted().join();
    const addresses = await resolver.resolve4(name);
    return (type === 'ORDER' ? addresses : addresses.toSorted()).join();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

const answers: string[] = [];
for (let i = 2; i < process.argv.length - 2; i++) answers.push(await ask(argument(i, 'NAME')));
print(answers);
