/** The value of an `ipaddress` parameter, and whether it lies in a range. */
import { BlockList, isIP } from 'node:net';

export class IpAddress {
  readonly #text: string;
  readonly #family: 'ipv4' | 'ipv6';

  constructor(text: string) {
    const version = isIP(text);
    if (version === 0) throw new TypeError(`is no IP address: ${JSON.stringify(text.slice(0, 80))}`);
    this.#text = text;
    this.#family = version === 4 ? 'ipv4' : 'ipv6';
  }

  /** The same address, however it is written. */
  equals(other: IpAddress): boolean {
    return other.inCidr(`${this.#text}/${this.#family === 'ipv4' ? 32 : 128}`);
  }

  /** Is it in a range like `10.0.0.0/8`? Throws TypeError for what is no range. */
  inCidr(range: string): boolean {
    const slash = range.indexOf('/');
    const network = range.slice(0, slash);
    const version = slash < 0 ? 0 : isIP(network);
    const bits = range.slice(slash + 1);
    if (version === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128)) {
      throw new TypeError(`is no range of addresses: ${JSON.stringify(range.slice(0, 80))}`);
    }
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (family !== this.#family) return false;
    const list = new BlockList();
    list.addSubnet(network, Number(bits), family);
    return list.check(this.#text, family);
  }
}

export function addressOf(text: string): IpAddress {
  return new IpAddress(text);
}
