// Numbers as pictures.

const PAPER = [247, 247, 247];
const RED = [178, 24, 43];
const BLUE = [33, 102, 172];

// Brightness: 0 is black, 1 is white.
export function grey(value) {
  const level = 255 * Math.min(1, Math.max(0, value));
  return [level, level, level];
}

// Red above zero, blue below, the full colour at `limit`; safe for colour-blind eyes.
export function redBlue(limit) {
  return (value) => {
    const share = Math.min(1, Math.abs(value) / limit);
    const color = value > 0 ? RED : BLUE;
    return PAPER.map((level, i) => level + share * (color[i] - level));
  };
}

// One pixel for each number, row by row.
export function paint(canvas, values, color = grey, width = 28) {
  canvas.width = width;
  canvas.height = values.length / width;
  const picture = new ImageData(width, canvas.height);
  values.forEach((value, i) => picture.data.set([...color(value), 255], 4 * i));
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

export function meanSquare(a, b) {
  return a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length;
}
