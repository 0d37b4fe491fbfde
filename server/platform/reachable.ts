/** Whether this server may send requests to an address that somebody named. */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { OpenLedgerError } from '@openledger/protocol';

/** @throws invalid_input for what is no address, forbidden for a private one where these are not allowed */
export async function assertReachable(
  baseUrl: string,
  { what, allowPrivate }: { readonly what: string; readonly allowPrivate: boolean },
): Promise<void> {
  let url: URL;
  try {
    url = new URL(baseUrl);
  } catch (cause) {
    throw new OpenLedgerError('invalid_input', `"${baseUrl}" is not a URL.`, {}, { cause });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OpenLedgerError('invalid_input', `${what} is reached by http or https.`);
  }
  if (allowPrivate) return;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host)
    ? [{ address: host }]
    : await lookup(host, { all: true }).catch(() => []);
  if (addresses.length === 0) {
    throw new OpenLedgerError('invalid_input', `The host ${host} has no address.`);
  }
  for (const { address } of addresses) {
    if (privateRanges.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) {
      throw new OpenLedgerError(
        'forbidden',
        `${what} has a private address, and this server does not allow that.`,
      );
    }
  }
}

const privateRanges = new BlockList();
for (const [range, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  privateRanges.addSubnet(range, bits, 'ipv4');
}
privateRanges.addSubnet('::1', 128, 'ipv6');
privateRanges.addSubnet('fc00::', 7, 'ipv6');
privateRanges.addSubnet('fe80::', 10, 'ipv6');
privateRanges.addSubnet('::ffff:0:0', 96, 'ipv6');
