// Solves a challenge of Tollgate's proof of work in a browser, or under Node.
//
//     import { solve } from "./solver.js";
//
//     let answer = await fetch("/send-code", { method: "POST", body });
//     if (answer.status === 428) {
//         const { challenge } = (await answer.json()).challenge;
//         const solution = await solve(challenge);
//         // …and the same request once more, with the solution.
//     }
//
// The work is 2^difficulty hashes on average. In a worker, the page stays smooth meanwhile.

// So many hashes at once keep the processor busy while promises come back.
const BATCH = 512;

/**
 * The counter with which the SHA-256 of `<challenge>:<counter>` begins with as many zero bits as the challenge says.
 *
 * @param {string} challenge `v1.<expiry>.<difficulty>.<nonce>.<mac>`
 * @param {AbortSignal} [signal] gives up
 * @returns {Promise<string>} the solution, `<challenge>:<counter>`
 */
export async function solve(challenge, signal) {
    const difficulty = Number(challenge.split(".")[2]);
    if (!challenge.startsWith("v1.") || !(difficulty >= 8 && difficulty <= 26)) {
        throw new RangeError("this is no challenge that can be solved here");
    }
    const encoder = new TextEncoder();
    for (let first = 0; ; first += BATCH) {
        signal?.throwIfAborted();
        const digests = Array.from({ length: BATCH }, (_, index) =>
            crypto.subtle.digest("SHA-256", encoder.encode(`${challenge}:${first + index}`)));
        const found = (await Promise.all(digests)).findIndex((digest) => leadingZeros(digest) >= difficulty);
        if (found >= 0) {
            return `${challenge}:${first + found}`;
        }
    }
}

// Of the first 32 bits: more than the greatest difficulty.
function leadingZeros(digest) {
    return Math.clz32(new DataView(digest).getUint32(0));
}
