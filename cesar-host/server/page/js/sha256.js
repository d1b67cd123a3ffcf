// @ts-check
/** SHA-256 of a stream of bytes. `crypto.subtle` needs the whole recording in memory, and is absent over plain HTTP. */

/**
 * The first 32 bits of the fractional parts of a root of the first primes.
 * @param {number} count
 * @param {number} root
 */
function constants(count, root) {
    /** @type {number[]} */
    const primes = [];
    for (let n = 2; primes.length < count; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);
    return new Int32Array(
        primes.map((prime) => {
            const value = prime ** (1 / root);
            return Math.floor((value - Math.floor(value)) * 2 ** 32) | 0;
        }),
    );
}

const K = constants(64, 3);
const START = constants(8, 2);

/** A digest that is computed in pieces. */
export class Sha256 {
    #state = new Int32Array(START);
    #block = new Uint8Array(64);
    #words = new Int32Array(64);
    #filled = 0;
    #length = 0;

    /** @param {Uint8Array} data */
    update(data) {
        this.#length += data.length;
        let at = 0;
        if (this.#filled) {
            at = Math.min(64 - this.#filled, data.length);
            this.#block.set(data.subarray(0, at), this.#filled);
            this.#filled += at;
            if (this.#filled < 64) return;
            this.#compress(this.#block, 0);
            this.#filled = 0;
        }
        for (; at + 64 <= data.length; at += 64) this.#compress(data, at);
        this.#block.set(data.subarray(at));
        this.#filled = data.length - at;
    }

    /**
     * The digest in hexadecimal; nothing can be added afterwards.
     * @returns {string}
     */
    digest() {
        const end = new Uint8Array((this.#filled < 56 ? 64 : 128) - this.#filled);
        end[0] = 0x80;
        const view = new DataView(end.buffer);
        view.setUint32(end.length - 8, Math.floor(this.#length / 2 ** 29));
        view.setUint32(end.length - 4, (this.#length << 3) >>> 0);
        this.update(end);
        return [...this.#state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
    }

    /**
     * @param {Uint8Array} data
     * @param {number} at
     */
    #compress(data, at) {
        const w = this.#words;
        for (let i = 0, j = at; i < 16; i += 1, j += 4)
            w[i] = (data[j] << 24) | (data[j + 1] << 16) | (data[j + 2] << 8) | data[j + 3];
        for (let i = 16; i < 64; i += 1) {
            const x = w[i - 15];
            const y = w[i - 2];
            const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
            const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
            w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
        }
        const state = this.#state;
        let a = state[0];
        let b = state[1];
        let c = state[2];
        let d = state[3];
        let e = state[4];
        let f = state[5];
        let g = state[6];
        let h = state[7];
        for (let i = 0; i < 64; i += 1) {
            const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
            const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
            const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
            const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
            h = g;
            g = f;
            f = e;
            e = (d + t1) | 0;
            d = c;
            c = b;
            b = a;
            a = (t1 + t2) | 0;
        }
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
}
