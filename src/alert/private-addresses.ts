/** Addresses a webhook may not be sent to unless the operator allows it (server-side request forgery). */
import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';

/** RFC 6890 special-purpose ranges: this host, private, shared, link-local, loopback, benchmark, documentation, multicast, reserved. */
const RANGES_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
const RANGES_V6 = ['::/128', '::1/128', '64:ff9b::/96', '100::/64', '2001:db8::/32', '2002::/16', 'fc00::/7', 'fe80::/10', 'ff00::/8'];

const blocked = new BlockList();
for (const [ranges, family] of [[RANGES_V4, 'ipv4'] as const, [RANGES_V6, 'ipv6'] as const]) {
  for (const range of ranges) {
    const [network = '', prefix = '0'] = range.split('/');
    blocked.addSubnet(network, Number(prefix), family);
  }
}

/** True for an address that is not on the public internet; IPv4 inside IPv6 is judged as IPv4; what is no address counts as private. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return true;
  return blocked.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

export class PrivateAddressError extends Error {
  constructor(address: string) {
    super(`${address} is not a public address`);
    this.name = 'PrivateAddressError';
  }
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;
type Lookup = (hostname: string, options: LookupOptions, callback: LookupCallback) => void;

type Found = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** Who waits for a name that is being resolved now. BOUNDED by the deliveries under way. */
const resolving = new Map<string, Found[]>();

/**
 * Every address of a name. Node resolves on a few threads, and a name whose servers are silent holds one until the resolver gives up: calls for a name that is
 * being resolved already share that one, so that one dead name leaves threads to the others.
 */
function resolveShared(hostname: string, found: Found): void {
  const waiting = resolving.get(hostname);
  if (waiting !== undefined) {
    waiting.push(found);
    return;
  }
  const all = [found];
  resolving.set(hostname, all);
  resolve(hostname, { all: true }, (error, addresses) => {
    resolving.delete(hostname);
    for (const tell of all) tell(error, addresses);
  });
}

/**
 * A dns.lookup for sockets that fails where any address of the name is private and that is not allowed. The check sits where the connection is made, so that a
 * name cannot answer one thing to a check and another to the connection. `onResolved` is called when the name has an answer, good or bad.
 */
export function lookupFor(allowPrivate: boolean, onResolved: () => void): Lookup {
  return (hostname, options, callback) => {
    resolveShared(hostname, (error, addresses) => {
      onResolved();
      if (error !== null) return callback(error, []);
      const unwanted = allowPrivate ? undefined : addresses.find(({ address }) => isPrivateAddress(address));
      const [first] = addresses;
      if (unwanted !== undefined || first === undefined) return callback(new PrivateAddressError(unwanted?.address ?? hostname), []);
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}
