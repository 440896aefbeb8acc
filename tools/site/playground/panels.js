// The panels that answer to a drawing. Each gets the networks and returns a function that shows
// what they make of an image, 784 numbers.

import { normal, outputs, run, softmax, walk } from "./networks.js";
import { meanSquare, paint, redBlue } from "./pictures.js";

const at = (id) => document.getElementById(id);
const range = (count) => [...Array(count).keys()];

export function classifierPanel({ classifier }) {
  const bars = range(10).map((digit) => {
    const bar = document.createElement("li");
    bar.innerHTML = `<span>${digit}</span><span class="bar"></span><span class="share"></span>`;
    at("bars").append(bar);
    return bar;
  });
  const showFilters = filters(at("filters"), classifier[0]);
  return (image) => {
    const layers = outputs(classifier, image);
    const chances = softmax(layers.at(-1));
    const best = chances.indexOf(Math.max(...chances));
    const empty = !image.some((value) => value);
    bars.forEach((bar, digit) => {
      bar.style.setProperty("--share", chances[digit]);
      bar.lastChild.textContent = TEXT.share(chances[digit]);
      bar.className = digit === best ? "best" : "";
    });
    at("said").textContent = empty ? TEXT.emptyPage : TEXT.reads(best, chances[best]);
    showFilters(layers[0]);
  };
}

// Draws the weights of the first layer, each lit by what it gives.
function filters(canvas, { weights, scales, inputs, outputs: count }) {
  const real = Array.from(weights, (weight, i) => weight * scales[Math.floor(i / inputs)]);
  const limit = real.map(Math.abs).sort((a, b) => a - b)[Math.floor(0.998 * real.length)];
  const pictures = range(count).map((unit) =>
    paint(
      document.createElement("canvas"),
      real.slice(unit * inputs, (unit + 1) * inputs),
      redBlue(limit),
    ),
  );
  const cell = 64;
  const gap = 12;
  const pen = canvas.getContext("2d");
  canvas.width = 8 * cell;
  canvas.height = (count / 8) * (cell + gap);
  return (fires) => {
    const most = Math.max(...fires, 1e-9);
    const order = range(count).sort((a, b) => fires[b] - fires[a]);
    canvas.setAttribute("aria-label", TEXT.filtersLabel(order.slice(0, 3)));
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = getComputedStyle(canvas).color;
    pictures.forEach((picture, unit) => {
      const x = (unit % 8) * cell;
      const y = Math.floor(unit / 8) * (cell + gap);
      pen.globalAlpha = 0.15 + (0.85 * fires[unit]) / most;
      pen.drawImage(picture, x + 3, y, cell - 6, cell - 6);
      pen.globalAlpha = 1;
      pen.fillRect(x + 3, y + cell - 3, ((cell - 6) * fires[unit]) / most, 5);
    });
  };
}

export function codePanel({ encoder, decoder }, index) {
  const limit = index["largest number of a code"];
  let image, code;
  const draw = () => {
    const drawn = run(decoder, code);
    paint(at("numbers"), code, redBlue(limit), 8);
    paint(at("reconstruction"), drawn);
    paint(
      at("difference"),
      drawn.map((value, i) => value - image[i]),
      redBlue(1),
    );
    at("error").textContent = TEXT.error(meanSquare(drawn, image));
  };
  const sliders = range(32).map((i) => {
    const label = document.createElement("label");
    const name = document.createElement("span");
    const slider = document.createElement("input");
    name.textContent = i + 1;
    label.append(name, slider);
    Object.assign(slider, { type: "range", min: -limit, max: limit, step: 0.1 });
    slider.setAttribute("aria-label", TEXT.slider(i + 1));
    slider.oninput = () => {
      code[i] = slider.value;
      draw();
    };
    at("sliders").append(label);
    return slider;
  });
  const show = (newImage) => {
    image = newImage;
    code = run(encoder, image);
    sliders.forEach((slider, i) => (slider.value = code[i]));
    paint(at("original"), image);
    draw();
  };
  at("reset").onclick = () => show(image);
  return show;
}

export function noisePanel({ denoiser }) {
  let image;
  let noise = normal(784);
  const draw = () => {
    const deviation = Number(at("deviation").value);
    const noisy = image.map((value, i) => value + deviation * noise[i]);
    at("deviationSaid").textContent = deviation.toFixed(2);
    paint(at("noisy"), noisy);
    paint(at("cleaned"), run(denoiser, noisy));
  };
  at("deviation").oninput = draw;
  at("newNoise").onclick = () => {
    noise = normal(784);
    draw();
  };
  return (newImage) => {
    image = newImage;
    draw();
  };
}

const PAUSE = 200; // milliseconds from step to step

// This one answers to buttons, not to the drawing.
export function flowPanel({ velocity, painter, classifier }, { flow }) {
  const pictures = range(flow.steps + 1).map((step) => {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { className: "pixels", width: 28, height: 28, role: "img" });
    canvas.setAttribute("aria-label", TEXT.flowLabel(step));
    at("steps").append(canvas);
    return canvas;
  });
  const readLast = (digit, image) => {
    const chances = softmax(run(classifier, image));
    const read = chances.indexOf(Math.max(...chances));
    at("flowSaid").textContent = TEXT.walked(digit, read, chances[read]);
  };
  let timer;
  const make = (digit, pause) => {
    clearTimeout(timer);
    const drawn = walk(velocity, normal(32), digit, flow).map((code) => run(painter, code));
    const show = (step) => {
      pictures.forEach((canvas, i) => (canvas.style.opacity = i <= step ? 1 : 0.1));
      paint(pictures[step], drawn[step]);
      at("flowSaid").setAttribute("aria-busy", step < flow.steps); // read out at the end
      if (step < flow.steps) {
        at("flowSaid").textContent = TEXT.walking(digit, step, flow.steps);
        timer = setTimeout(show, pause, step + 1);
      } else {
        readLast(digit, drawn[step]);
      }
    };
    show(0);
  };
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  for (const digit of range(10)) {
    const button = document.createElement("button");
    button.textContent = digit;
    button.setAttribute("aria-label", TEXT.ask(digit));
    button.onclick = () => make(digit, still.matches ? 0 : PAUSE);
    at("ask").append(button);
  }
  make(7, 0);
  return () => {};
}
