// @ts-check
/** Heights and positions of the rows of a long list, of which only those near the viewport are measured. */

/** Rows by position; heights that were not measured are estimated. */
export class Geometry {
    /** @type {Map<string, number>} */
    #measured = new Map();
    /** @type {string[]} */
    #keys = [];
    /** @type {number[]} */
    #estimates = [];
    #tops = new Float64Array(1);
    #valid = 0;

    /**
     * Sets the rows; measured heights of rows that stay are kept.
     * @param {string[]} keys
     * @param {number[]} estimates
     */
    setRows(keys, estimates) {
        this.#keys = keys;
        this.#estimates = estimates;
        if (this.#tops.length < keys.length + 1) this.#tops = new Float64Array(keys.length * 2 + 1);
        this.#valid = 0;
    }

    get count() {
        return this.#keys.length;
    }

    /** Forgets what was measured: the width has changed. */
    forget() {
        this.#measured.clear();
        this.#valid = 0;
    }

    /** @param {number} index */
    height(index) {
        return this.#measured.get(this.#keys[index]) ?? this.#estimates[index] ?? 0;
    }

    /**
     * @param {number} index
     * @param {number} height
     * @returns {number} by how much the row has grown
     */
    measure(index, height) {
        const before = this.height(index);
        this.#measured.set(this.#keys[index], height);
        if (height !== before) this.#valid = Math.min(this.#valid, index);
        return height - before;
    }

    /** @param {number} upTo */
    #compute(upTo) {
        for (let index = this.#valid; index < upTo; index += 1) {
            this.#tops[index + 1] = this.#tops[index] + this.height(index);
        }
        this.#valid = Math.max(this.#valid, upTo);
    }

    /** The top of a row; of the number of rows, the height of all. @param {number} index */
    top(index) {
        this.#compute(index);
        return this.#tops[index];
    }

    get total() {
        return this.top(this.count);
    }

    /**
     * The row at a position; the nearest one beyond the ends.
     * @param {number} y
     */
    rowAt(y) {
        this.#compute(this.count);
        let [low, high] = [0, Math.max(0, this.count - 1)];
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (this.#tops[middle] <= y) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    /**
     * The rows between two positions, as first and one beyond the last.
     * @param {number} from
     * @param {number} to
     * @returns {[number, number]}
     */
    range(from, to) {
        if (!this.count) return [0, 0];
        return [this.rowAt(from), this.rowAt(to) + 1];
    }
}
