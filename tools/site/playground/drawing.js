// The pad, and what MNIST made of a drawing: 28 x 28 pixels.

export const SIZE = 280; // pixels of the pad
const RADIUS = 0.04; // of the pen, in widths of the pad

// A picture is { width, height, data }, brightness 0 (paper) to 1 (ink).
const paper = document.createElement("canvas");
paper.width = paper.height = SIZE;
const inked = paper.getContext("2d", { willReadFrequently: true });

function paint(context, strokes, color) {
  context.clearRect(0, 0, SIZE, SIZE);
  context.strokeStyle = color;
  context.lineWidth = 2 * RADIUS * SIZE;
  context.lineCap = context.lineJoin = "round";
  for (const points of strokes) {
    context.beginPath();
    for (const [x, y] of [points[0], ...points]) context.lineTo(x * SIZE, y * SIZE);
    context.stroke();
  }
}

export function ink(strokes) {
  paint(inked, strokes, "white");
  const bytes = inked.getImageData(0, 0, SIZE, SIZE).data;
  const data = new Float32Array(SIZE * SIZE);
  for (let i = 0; i < data.length; i++) data[i] = bytes[4 * i + 3] / 255;
  return { width: SIZE, height: SIZE, data };
}

// Where each of `count` pixels takes its light from, when `size` pixels become `count`: a triangle
// over the old ones, as wide as the new pixel, as PyTorch's interpolate(antialias=True).
function triangles(size, count) {
  const scale = size / count;
  const reach = Math.max(1, scale);
  return Array.from({ length: count }, (_, i) => {
    const middle = (i + 0.5) * scale;
    const parts = [];
    const last = Math.min(size, Math.floor(middle + reach + 0.5));
    for (let j = Math.max(0, Math.floor(middle - reach + 0.5)); j < last; j++) {
      parts.push([j, Math.max(0, 1 - Math.abs(j + 0.5 - middle) / reach)]);
    }
    const sum = parts.reduce((total, [, weight]) => total + weight, 0);
    return parts.map(([j, weight]) => [j, weight / sum]);
  });
}

export function resized({ width, height, data }, newWidth, newHeight) {
  const across = triangles(width, newWidth);
  const down = triangles(height, newHeight);
  const mix = (parts, value) => parts.reduce((sum, [j, weight]) => sum + weight * value(j), 0);
  const narrow = new Float32Array(newWidth * height);
  for (let i = 0; i < narrow.length; i++) {
    const row = Math.floor(i / newWidth) * width;
    narrow[i] = mix(across[i % newWidth], (j) => data[row + j]);
  }
  const small = new Float32Array(newWidth * newHeight);
  for (let i = 0; i < small.length; i++) {
    const column = i % newWidth;
    small[i] = mix(down[Math.floor(i / newWidth)], (j) => narrow[j * newWidth + column]);
  }
  return { width: newWidth, height: newHeight, data: small };
}

// As MNIST prepares a drawing: fitted into 20 x 20, its centre of mass in the middle. LeCun et al.,
// "Gradient-Based Learning Applied to Document Recognition" (1998), section III.A.
export function centred(picture) {
  const box = cropped(picture);
  const image = new Float32Array(28 * 28);
  if (!box) return image;
  const longest = Math.max(box.width, box.height);
  const side = (length) => Math.max(1, Math.round((20 * length) / longest));
  const { width, height, data } = resized(box, side(box.width), side(box.height));
  let mass = 0;
  let right = 0;
  let down = 0;
  data.forEach((value, i) => {
    mass += value;
    right += value * (i % width);
    down += value * Math.floor(i / width);
  });
  const left = Math.ceil(13.5 - right / mass);
  const top = Math.ceil(13.5 - down / mass);
  data.forEach((value, i) => {
    const row = top + Math.floor(i / width);
    const column = left + (i % width);
    if (row >= 0 && row < 28 && column >= 0 && column < 28) image[28 * row + column] = value;
  });
  return image;
}

function cropped({ width, height, data }) {
  let left = width;
  let right = -1;
  let top = height;
  let bottom = -1;
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      if (!data[i]) continue;
      ((left = Math.min(left, column)), (right = Math.max(right, column)));
      ((top = Math.min(top, row)), (bottom = row));
    }
  }
  if (right < 0) return null;
  const box = { width: right - left + 1, height: bottom - top + 1 };
  box.data = new Float32Array(box.width * box.height);
  for (let row = 0; row < box.height; row++) {
    const start = (top + row) * width + left;
    box.data.set(data.subarray(start, start + box.width), row * box.width);
  }
  return box;
}

// What networks see of strokes: 784 numbers, in 256 steps of brightness like MNIST's.
export function seen(strokes, centre) {
  const picture = ink(strokes);
  const image = centre ? centred(picture) : resized(picture, 28, 28).data;
  return image.map((value) => Math.round(255 * value) / 255);
}

// Draw on a canvas with mouse, pen or finger. `changed(drawing)` is called after each movement;
// `drawing` says whether the pen is still down.
export class Pad {
  constructor(canvas, example, changed) {
    Object.assign(this, { canvas, changed, strokes: example, drawn: false, pen: null });
    canvas.width = canvas.height = SIZE;
    canvas.onpointerdown = (event) => {
      if (this.pen !== null) return; // a second finger
      this.pen = event.pointerId;
      canvas.setPointerCapture(this.pen);
      this.set([...(this.drawn ? this.strokes : []), [this.place(event)]]);
    };
    canvas.onpointermove = (event) => {
      if (event.pointerId !== this.pen) return;
      this.strokes.at(-1).push(this.place(event));
      this.set(this.strokes);
    };
    canvas.onpointerup = canvas.onpointercancel = (event) => {
      if (event.pointerId !== this.pen) return;
      this.pen = null;
      this.set(this.strokes);
    };
    this.show();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  // Other strokes from a button; they end one that is being drawn.
  replace(strokes, drawn = true) {
    this.pen = null;
    this.set(strokes, drawn);
  }

  set(strokes, drawn = true) {
    Object.assign(this, { strokes, drawn });
    this.show();
    this.changed(this.pen !== null);
  }

  show() {
    paint(this.canvas.getContext("2d"), this.strokes, this.drawn ? "white" : "#9a9a9a");
  }
}
