// The plane of two numbers: places of test images, a cross to drag, and what is drawn there.

import { fetchFile, run } from "./networks.js";
import { paint } from "./pictures.js";

// plots.DIGIT_COLORS, as in all figures: 3:1 on white, safe for colour-blind eyes.
const COLORS = [
  "#003FFE",
  "#31323B",
  "#118986",
  "#055539",
  "#849D00",
  "#7C6211",
  "#F21979",
  "#690003",
  "#8C0D85",
  "#0097FE",
];
const MOST = 16; // times as large, at most
const PICTURES_FROM = 4; // times: from here on, pictures instead of dots
const COLUMNS = 50; // pictures in a row of the sheet

const at = (id) => document.getElementById(id);

export async function planePanel({ "plane-encoder": encoder, "plane-decoder": decoder }, index) {
  const drawAt = (place) => paint(at("planeDrawn"), run(decoder, place));
  const plane = new Plane(at("map"), await fetchFile("places.bin", index), drawAt);
  fillLegend();
  listen(plane);
  const zoomTo = async (zoom) => {
    plane.zoomTo(zoom);
    at("zoom").textContent = TEXT.zoomed(zoom);
    at("zoomIn").disabled = zoom === MOST;
    at("zoomOut").disabled = zoom === 1;
    if (zoom < PICTURES_FROM || plane.sheet) return;
    try {
      const bytes = await fetchFile("pictures.png", index);
      plane.sheet = await createImageBitmap(new Blob([bytes]));
      plane.drawImages();
    } catch (error) {
      at("zoom").textContent = error.message;
    }
  };
  at("zoomIn").onclick = () => zoomTo(2 * plane.zoom);
  at("zoomOut").onclick = () => zoomTo(plane.zoom / 2);
  zoomTo(1);
  plane.moveCross([0, 0]);
  return (image) => {
    plane.own = run(encoder, image);
    plane.drawMarks();
  };
}

class Plane {
  cross = [0, 0];
  own = [0, 0]; // the place of the drawing
  middle = [0, 0]; // of what is in view
  zoom = 1;

  // `bytes`: two float32 numbers for each image, then a byte for each digit.
  constructor(canvas, bytes, drawAt) {
    const count = bytes.byteLength / 9;
    this.places = new Float32Array(bytes.slice(0, 8 * count));
    this.digits = new Uint8Array(bytes.slice(8 * count));
    this.extent = Math.ceil(Math.max(...this.places.map(Math.abs)));
    this.images = canvas.cloneNode(); // drawn once for each view
    Object.assign(this, { canvas, drawAt });
  }

  // Pixels of the canvas for a distance of 1.
  get scale() {
    return (this.canvas.width / 2 / this.extent) * this.zoom;
  }

  toPixel([x, y]) {
    const half = this.canvas.width / 2;
    return [half + (x - this.middle[0]) * this.scale, half - (y - this.middle[1]) * this.scale];
  }

  drawImages() {
    const pen = this.images.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, this.images.width, this.images.height);
    const side = 28 * Math.max(1, (2 * this.zoom) / MOST);
    const square = (x, y, width) => pen.fillRect(x - width / 2, y - width / 2, width, width);
    this.digits.forEach((digit, i) => {
      const [x, y] = this.toPixel(this.places.subarray(2 * i, 2 * i + 2));
      pen.fillStyle = COLORS[digit];
      if (!this.sheet || this.zoom < PICTURES_FROM) {
        square(x, y, 6);
        return;
      }
      square(x, y, side + 4); // a frame in the colour of the digit
      const left = 28 * (i % COLUMNS);
      const top = 28 * Math.floor(i / COLUMNS);
      pen.drawImage(this.sheet, left, top, 28, 28, x - side / 2, y - side / 2, side, side);
    });
    this.drawMarks();
  }

  drawMarks() {
    const pen = this.canvas.getContext("2d");
    const ring = new Path2D();
    const plus = new Path2D();
    const [x, y] = this.toPixel(this.cross);
    ring.arc(...this.toPixel(this.own), 14, 0, 2 * Math.PI);
    for (const [dx, dy] of [
      [18, 0],
      [0, 18],
    ]) {
      plus.moveTo(x - dx, y - dy);
      plus.lineTo(x + dx, y + dy);
    }
    pen.drawImage(this.images, 0, 0);
    for (const [color, width] of [
      ["white", 9],
      ["black", 4],
    ]) {
      Object.assign(pen, { strokeStyle: color, lineWidth: width });
      pen.stroke(ring);
      pen.stroke(plus);
    }
  }

  moveCross(place) {
    this.cross = place.map((value) => Math.min(this.extent, Math.max(-this.extent, value)));
    ["first", "second"].forEach((id, i) => (at(id).value = this.cross[i]));
    const reach = this.extent / this.zoom;
    if (this.cross.some((value, i) => Math.abs(value - this.middle[i]) > reach)) {
      this.middle = this.cross;
      this.drawImages();
    }
    this.drawAt(this.cross);
    this.drawMarks();
  }

  zoomTo(zoom) {
    this.zoom = zoom;
    this.middle = zoom > 1 ? this.cross : [0, 0];
    this.drawImages();
  }
}

// The cross goes with a drag, with two sliders, and to the drawing's own place.
function listen(plane) {
  const { canvas, extent } = plane;
  const drag = (event) => {
    const box = canvas.getBoundingClientRect();
    const distance = canvas.width / box.width / plane.scale; // of two pixels of the screen
    plane.moveCross([
      plane.middle[0] + (event.clientX - box.left - box.width / 2) * distance,
      plane.middle[1] - (event.clientY - box.top - box.height / 2) * distance,
    ]);
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    drag(event);
  };
  canvas.onpointermove = (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) drag(event);
  };
  for (const id of ["first", "second"]) {
    Object.assign(at(id), { min: -extent, max: extent });
    at(id).oninput = () => plane.moveCross([Number(at("first").value), Number(at("second").value)]);
  }
  at("toYours").onclick = () => plane.moveCross([...plane.own]);
}

function fillLegend() {
  COLORS.forEach((color, digit) => {
    const mark = document.createElement("i");
    mark.style.background = color;
    at("legend").append(mark, digit);
  });
}
