/** What a webhook may be pointed at, judged by its text alone; what a name resolves to is judged when a delivery connects. */
import { BlockList, isIP } from 'node:net';
import { ProblemError } from '../problems.ts';

const privateAddresses = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  privateAddresses.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  privateAddresses.addSubnet(network, prefix, 'ipv6');
}

const isLocalName = (host: string): boolean => /(^|\.)(localhost|local|internal|home\.arpa)\.?$/.test(host) || !host.includes('.');

function refuse(why: string): never {
  throw new ProblemError('webhook-url-refused', why);
}

/**
 * The URL in its normal form.
 * @throws ProblemError `webhook-url-refused` where it is not http or https, holds credentials, or is private and that is not allowed
 */
export function checkWebhookUrl(text: string, allowPrivate: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : refuse('This is not a URL: give one such as https://example.org/hook');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return refuse('A webhook is called over http or https');
  if (url.username !== '' || url.password !== '') return refuse('A webhook URL holds no credentials: deliveries are signed');
  if (url.hash !== '') return refuse('A webhook URL has no fragment: leave out what follows #');
  if (!allowPrivate) {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const family = isIP(host);
    const isPrivate = family === 0 ? isLocalName(host) : privateAddresses.check(host, family === 4 ? 'ipv4' : 'ipv6');
    if (isPrivate) return refuse('A webhook may not point to a private address: give a public one');
  }
  return url.href;
}
