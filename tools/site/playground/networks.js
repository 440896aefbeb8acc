// The networks of the page: fetched, checked and run, with 8-bit weights as tools/site/rounding.py
// stores them. onnxruntime-web 1.30 would run them too: its page loads 14.3 MB (3.7 MB with gzip),
// and this file has 5 kB. It needs no WebAssembly either.

const FOLDER = new URL("networks/", import.meta.url);

const ACTIVATIONS = {
  relu: (x) => Math.max(0, x),
  leaky: (x) => (x > 0 ? x : 0.01 * x),
  silu: (x) => x / (1 + Math.exp(-x)),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

// What `index.json` says about all files.
export async function fetchIndex() {
  return JSON.parse(new TextDecoder().decode(await fetchBytes("index.json")));
}

// One file of the folder, compared with its sha256 where the browser lets us (https, localhost).
export async function fetchFile(name, index) {
  const bytes = await fetchBytes(name);
  if (globalThis.crypto?.subtle) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const text = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (text !== index.sha256[name]) throw new Error(TEXT.damaged(name));
  }
  return bytes;
}

async function fetchBytes(name) {
  const request = fetch(new URL(name, FOLDER), { cache: "no-cache" });
  const answer = await request.catch(() => ({ ok: false }));
  if (!answer.ok) throw new Error(TEXT.missing(name));
  return answer.arrayBuffer().catch(() => {
    throw new Error(TEXT.missing(name));
  });
}

// A network: its layers, each with scales, biases and weights.
export async function fetchNetwork(name, index) {
  const bytes = await fetchFile(`${name}.bin`, index);
  let at = 0;
  const take = (Kind, count) => {
    const end = at + count * Kind.BYTES_PER_ELEMENT;
    const part = new Kind(bytes.slice(at, end));
    at = end;
    return part;
  };
  return index.layers[name].map((layer) => ({
    ...layer,
    scales: take(Float32Array, layer.outputs),
    biases: take(Float32Array, layer.outputs),
    weights: take(Int8Array, layer.outputs * layer.inputs * (layer.kind === "grow" ? 9 : 1)),
  }));
}

// What every layer gives, the last one last.
export function outputs(network, x) {
  return network.map((layer) => {
    x = layer.kind === "grow" ? grow(layer, x) : dense(layer, x);
    const bend = ACTIVATIONS[layer.activation];
    if (bend) x = x.map(bend);
    return x;
  });
}

export function run(network, x) {
  return outputs(network, x).at(-1);
}

function dense({ inputs, outputs, scales, biases, weights }, x) {
  const y = new Float32Array(outputs);
  for (let unit = 0, at = 0; unit < outputs; unit++) {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += weights[at++] * x[i];
    y[unit] = sum * scales[unit] + biases[unit];
  }
  return y;
}

// Transposed convolution, 3 x 3, stride 2: each pixel stamps the kernel on a map twice as large.
function grow({ inputs, outputs, side, scales, biases, weights }, x) {
  const large = 2 * side;
  const y = new Float32Array(outputs * large * large);
  for (let map = 0; map < outputs; map++) {
    const sums = new Float64Array(large * large);
    for (let from = 0; from < inputs; from++) {
      const kernel = weights.subarray(9 * (map * inputs + from));
      for (let pixel = 0; pixel < side * side; pixel++) {
        const value = x[from * side * side + pixel];
        const top = 2 * Math.floor(pixel / side) - 1;
        const left = 2 * (pixel % side) - 1;
        for (let k = 0; k < 9; k++) {
          const row = top + Math.floor(k / 3);
          const column = left + (k % 3);
          if (row >= 0 && column >= 0) sums[row * large + column] += kernel[k] * value;
        }
      }
    }
    sums.forEach((sum, i) => (y[map * large * large + i] = sum * scales[map] + biases[map]));
  }
  return y;
}

export function softmax(x) {
  const top = Math.max(...x);
  const positive = x.map((value) => Math.exp(value - top));
  const sum = positive.reduce((a, b) => a + b);
  return positive.map((value) => value / sum);
}

// Independent standard normal numbers (Box and Muller).
export function normal(count) {
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()),
  );
}

// The places on the way from noise to a code of the digit: `generating.walk` of lesson 9.
export function walk(velocity, start, digit, { steps, guidance }) {
  const places = [start];
  const toward = (z, t, label) => {
    const asked = Array.from({ length: 11 }, (_, i) => Number(i === label));
    return run(velocity, [...z, t, ...asked]);
  };
  for (let step = 0; step < steps; step++) {
    const z = places.at(-1);
    const t = step / steps;
    const asked = toward(z, t, digit);
    const free = toward(z, t, 10); // 10 stands for any digit
    places.push(z.map((value, i) => value + (free[i] + guidance * (asked[i] - free[i])) / steps));
  }
  return places;
}
