/**
 * Passwords: kept only as scrypt hashes, each with a salt of its own, as `scrypt$<log2 N>$<r>$<p>$<salt>$<key>` in base64url.
 * Comparing takes the same time whatever is wrong. A hash costs tens of milliseconds of one core on purpose, so a client that sends its
 * password with every request is remembered: by user and hash, as a keyed digest of the password that lives in memory only.
 */
import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** 16 MiB and some 50 ms a hash: what scrypt's author gives for logins of people. */
const COST = { logN: 14, r: 8, p: 1 };
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** Hashes under way at a time: each takes 16 MiB, and all take turns on four threads. More are told to come again. */
const HASHES_MAX = 32;
/** Users remembered; the one who came first goes first. */
const REMEMBERED_MAX = 10_000;

/** Too many passwords are being checked. */
export class PasswordsBusy extends Error {}

export class Passwords {
  readonly #secret = randomBytes(32);
  /** User → hash and digest of the password that fits it. */
  readonly #remembered = new Map<string, { readonly hash: string; readonly digest: Buffer }>();
  #hashing = 0;
  /** What the password of a user who does not exist is compared with. */
  #nobody: Promise<string> | null = null;

  /** Rejects with PasswordsBusy. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const key = await this.#derive(password, salt, COST);
    return ['scrypt', COST.logN, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$');
  }

  /** `hash` null = there is no such user: takes as long as if there were. Rejects with PasswordsBusy. */
  async fits(user: string, password: string, hash: string | null): Promise<boolean> {
    if (hash === null) {
      this.#nobody ??= this.hash(randomBytes(SALT_BYTES).toString('hex'));
      await this.#verify(password, await this.#nobody);
      return false;
    }
    const digest = createHmac('sha256', this.#secret).update(password).digest();
    const known = this.#remembered.get(user);
    if (known?.hash === hash && timingSafeEqual(known.digest, digest)) return true;
    if (!(await this.#verify(password, hash))) return false;
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.delete(this.#remembered.keys().next().value!);
    this.#remembered.set(user, { hash, digest });
    return true;
  }

  // private functions

  async #verify(password: string, hash: string): Promise<boolean> {
    const [scheme, logN, r, p, salt, key] = hash.split('$');
    if (scheme !== 'scrypt') return false;
    const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
    const derived = await this.#derive(password, Buffer.from(salt, 'base64url'), cost);
    return timingSafeEqual(derived, Buffer.from(key, 'base64url'));
  }

  async #derive(password: string, salt: Buffer, { logN, r, p }: typeof COST): Promise<Buffer> {
    if (this.#hashing >= HASHES_MAX) throw new PasswordsBusy(`more than ${HASHES_MAX} passwords are being checked`);
    this.#hashing++;
    const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem: 256 * r * 2 ** logN };
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        scrypt(password, salt, KEY_BYTES, options, (error, key) => (error === null ? resolve(key) : reject(error)));
      });
    } finally {
      this.#hashing--;
    }
  }
}
