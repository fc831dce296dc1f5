/** File names are bytes (FS-6): kept as strings of one char per byte (latin1), so that they compare, hash and concatenate as bytes do. */

declare const brand: unique symbol;

/** A name of a directory entry or of an extended attribute: 1 to 255 bytes, each char one byte 0..255. */
export type Name = string & { readonly [brand]: 'Name' };

/** Takes bytes of a buffer as a name. The caller has made sure of their count and of `/` and NUL. */
export function nameFromBytes(bytes: Uint8Array, start = 0, end = bytes.length): Name {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1') as Name;
}

/** The UTF-8 bytes of a text as a name. */
export function nameFromText(text: string): Name {
  return Buffer.from(text, 'utf8').toString('latin1') as Name;
}

/** The bytes of a name. */
export function nameToBytes(name: Name): Buffer {
  return Buffer.from(name, 'latin1');
}

/** For people: the name as text; bytes that are no UTF-8 show as U+FFFD. */
export function nameToText(name: Name): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}
