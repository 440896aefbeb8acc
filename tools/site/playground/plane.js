// The plane of two numbers: places of test images, a cross to drag, and what is drawn there.

import { fetchFile, run } from "./networks.js";
import { paint } from "./pictures.js";

// The colours of the course's figures (plots.DIGIT_COLORS): 3:1 on white, safe for colour-blind eyes.
const COLORS = [
  "#003FFE", "#31323B", "#118986", "#055539", "#849D00",
  "#7C6211", "#F21979", "#690003", "#8C0D85", "#0097FE",
];
const MOST = 16; // times as large, at most
const PICTURES_FROM = 4; // times: from here on, pictures instead of dots
const COLUMNS = 50; // pictures in a row of the sheet

const at = (id) => document.getElementById(id);

export async function planePanel({ "plane-encoder": encoder, "plane-decoder": decoder }, index) {
  const { places, labels } = split(await fetchFile("places.bin", index));
  const canvas = at("map"), pen = canvas.getContext("2d");
  const images = canvas.cloneNode(), brush = images.getContext("2d"); // under the marks
  const extent = Math.ceil(Math.max(...places.map(Math.abs)));
  const view = { middle: [0, 0], zoom: 1 };
  let cross = [0, 0], own = [0, 0], sheet;

  const scale = () => (canvas.width / 2 / extent) * view.zoom; // pixels for a distance of 1
  const toPixel = ([x, y]) => [
    canvas.width / 2 + (x - view.middle[0]) * scale(),
    canvas.height / 2 - (y - view.middle[1]) * scale(),
  ];

  function drawImages() {
    brush.fillStyle = "white";
    brush.fillRect(0, 0, canvas.width, canvas.height);
    const side = 28 * Math.max(1, (2 * view.zoom) / MOST);
    labels.forEach((digit, i) => {
      const [x, y] = toPixel(places.subarray(2 * i, 2 * i + 2));
      brush.fillStyle = COLORS[digit];
      if (sheet && view.zoom >= PICTURES_FROM) {
        brush.fillRect(x - side / 2 - 2, y - side / 2 - 2, side + 4, side + 4);
        const left = 28 * (i % COLUMNS), top = 28 * Math.floor(i / COLUMNS);
        brush.drawImage(sheet, left, top, 28, 28, x - side / 2, y - side / 2, side, side);
      } else {
        brush.fillRect(x - 3, y - 3, 6, 6);
      }
    });
    drawMarks();
  }

  function drawMarks() {
    pen.drawImage(images, 0, 0);
    const ring = new Path2D(), plus = new Path2D();
    const [x, y] = toPixel(cross);
    ring.arc(...toPixel(own), 14, 0, 2 * Math.PI);
    for (const [dx, dy] of [[18, 0], [0, 18]]) {
      plus.moveTo(x - dx, y - dy);
      plus.lineTo(x + dx, y + dy);
    }
    for (const [color, width] of [["white", 9], ["black", 4]]) {
      Object.assign(pen, { strokeStyle: color, lineWidth: width });
      pen.stroke(ring);
      pen.stroke(plus);
    }
  }

  function moveCross(place) {
    cross = place.map((value) => Math.min(extent, Math.max(-extent, value)));
    ["first", "second"].forEach((id, i) => (at(id).value = cross[i]));
    const half = extent / view.zoom;
    if (cross.some((value, i) => Math.abs(value - view.middle[i]) > half)) {
      view.middle = cross;
      drawImages();
    }
    paint(at("planeDrawn"), run(decoder, cross));
    drawMarks();
  }

  async function zoomTo(zoom) {
    Object.assign(view, { zoom, middle: zoom > 1 ? cross : [0, 0] });
    at("zoom").textContent = TEXT.zoomed(zoom);
    at("zoomIn").disabled = zoom === MOST;
    at("zoomOut").disabled = zoom === 1;
    drawImages();
    if (zoom < PICTURES_FROM || sheet) return;
    try {
      sheet = await createImageBitmap(new Blob([await fetchFile("pictures.png", index)]));
      drawImages();
    } catch (error) {
      at("zoom").textContent = error.message;
    }
  }

  const drag = (event) => {
    const box = canvas.getBoundingClientRect();
    const pixels = canvas.width / box.width / scale();
    moveCross([
      view.middle[0] + (event.clientX - box.left - box.width / 2) * pixels,
      view.middle[1] - (event.clientY - box.top - box.height / 2) * pixels,
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
    at(id).oninput = () => moveCross([Number(at("first").value), Number(at("second").value)]);
  }
  at("zoomIn").onclick = () => zoomTo(2 * view.zoom);
  at("zoomOut").onclick = () => zoomTo(view.zoom / 2);
  at("toYours").onclick = () => moveCross([...own]);
  fillLegend();
  zoomTo(1);
  moveCross([0, 0]);
  return (image) => {
    own = run(encoder, image);
    drawMarks();
  };
}

// Two float32 numbers for each image, then a byte for its digit.
function split(bytes) {
  const count = bytes.byteLength / 9;
  return {
    places: new Float32Array(bytes.slice(0, 8 * count)),
    labels: new Uint8Array(bytes.slice(8 * count)),
  };
}

function fillLegend() {
  COLORS.forEach((color, digit) => {
    const mark = document.createElement("i");
    mark.style.background = color;
    at("legend").append(mark, digit);
  });
}
