/** BLAKE3-256: the only place where hashes are made. Prebuilt native code first, WebAssembly where there is none for the platform. */
import { createRequire } from 'node:module';
import type * as NativeBlake from '@napi-rs/blake-hash';
import type * as WasmBlake from 'blake3';
import type { Hash } from './types.ts';

/** Hashes bytes that come in parts. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

interface Engine {
  hash(bytes: Uint8Array): Buffer;
  hasher(): Hasher;
}

const load = createRequire(import.meta.url);

function nativeEngine(): Engine {
  const { blake3, Blake3Hasher } = load('@napi-rs/blake-hash') as typeof NativeBlake;
  const hasher = (): Hasher => {
    const state = new Blake3Hasher();
    return { update: (bytes) => void state.update(bytes), digest: () => state.digestBuffer() };
  };
  return { hash: blake3, hasher };
}

function wasmEngine(): Engine {
  const { hash, createHash } = load('blake3') as typeof WasmBlake;
  const hasher = (): Hasher => {
    const state = createHash();
    return {
      update: (bytes) => void state.update(bytes),
      digest: () => Buffer.from(state.digest() as Uint8Array),
    };
  };
  return { hash: (bytes) => Buffer.from(hash(bytes) as Uint8Array), hasher };
}

function chooseEngine(): Engine {
  try {
    return nativeEngine();
  } catch {
    return wasmEngine();
  }
}

const engine = chooseEngine();

/** The 32 bytes of the hash. */
export function digestOf(bytes: Uint8Array): Buffer {
  return engine.hash(bytes);
}

export function hashOfBytes(bytes: Uint8Array): Hash {
  return engine.hash(bytes).toString('latin1') as Hash;
}

/** A hasher for bytes that come in parts. */
export function makeHasher(): Hasher {
  return engine.hasher();
}

/** The hash that stands at `at` in bytes of a record. */
export function hashAt(bytes: Uint8Array, at: number): Hash {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, 32).toString('latin1') as Hash;
}

/** The hash in a key that is one char and the hash. */
export function hashOfKey(key: string): Hash {
  return key.slice(1) as Hash;
}

/** 64 hexadecimal digits. */
export function hashToHex(hash: Hash): string {
  return Buffer.from(hash, 'latin1').toString('hex');
}

/** From 64 hexadecimal digits; undefined for anything else. */
export function hashFromHex(text: string): Hash | undefined {
  if (!/^[0-9a-f]{64}$/i.test(text)) return undefined;
  return Buffer.from(text, 'hex').toString('latin1') as Hash;
}
