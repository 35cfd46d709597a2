"use strict";

const $ = (id) => document.getElementById(id);

// ---- the Go program

// Program is the Go program, running in a worker, so that the page stays alive
// while it computes.
class Program {
	#worker = new Worker("worker.js");
	#calls = new Map();
	#count = 0;

	constructor(module, onframe) {
		this.#worker.onmessage = ({ data }) => {
			if (data.frame) return onframe(data.frame);
			const { resolve, reject } = this.#calls.get(data.id);
			this.#calls.delete(data.id);
			if (data.error !== undefined) reject(new Error(data.error));
			else resolve(data.result);
		};
		this.#worker.onerror = (event) => complain(event.message);
		this.#worker.postMessage({ module });
	}

	call(name, ...args) {
		const id = this.#count++;
		return new Promise((resolve, reject) => {
			this.#calls.set(id, { resolve, reject });
			this.#worker.postMessage({ id, name, args });
		});
	}

	end() {
		this.#worker.terminate();
	}
}

async function fetched(name) {
	const response = await fetch(name);
	if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
	return new Uint8Array(await response.arrayBuffer());
}

async function compiled() {
	const bytes = await fetched("gander.wasm.gz");
	if (bytes[0] !== 0x1f) return WebAssembly.compile(bytes); // the server said Content-Encoding: gzip
	const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
	return WebAssembly.compileStreaming(new Response(unpacked, { headers: { "Content-Type": "application/wasm" } }));
}

function complain(message) {
	$("status").textContent = message;
	$("status").classList.add("bad");
}

// ---- pictures

const dark = matchMedia("(prefers-color-scheme: dark)");

// colour returns a colour of the style sheet as [r, g, b].
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim().split(/\s+/).map(Number);

// blend returns what lies between two colours.
const blend = (a, b, t) => a.map((v, i) => v + (b[i] - v) * t);

// paint draws n grey images, one beside the other, in the colours of the page: ink
// where they are white.
function paint(canvas, images, info, n = 1) {
	const { width, height } = info;
	const paper = colour("--paper"), ink = colour("--ink");
	canvas.width = n * width;
	canvas.height = height;
	const image = new ImageData(n * width, height);
	for (let i = 0; i < n; i++)
		for (let y = 0; y < height; y++)
			for (let x = 0; x < width; x++) {
				const v = (Math.min(Math.max(images[(i * height + y) * width + x], -1), 1) + 1) / 2;
				const at = 4 * (y * n * width + i * width + x);
				image.data.set(blend(paper, ink, v), at);
				image.data[at + 3] = 255;
			}
	canvas.getContext("2d").putImageData(image, 0, 0);
}

// latest makes f, which takes time, run once more after calls that came while it ran.
function latest(f) {
	let running = false, again = false;
	return async () => {
		again = true;
		if (running) return;
		running = true;
		try {
			while (again) {
				again = false;
				await f();
			}
		} catch (error) {
			complain(error.message);
		} finally {
			running = false;
		}
	};
}

// ---- draw

// A point is what a digit is made of: a latent vector z and, if there are classes, a
// condition, which holds 1 in the place of the class and 0 elsewhere.
async function pointOf(program, info, seed) {
	const { z, label } = await program.call("first", seed);
	return { z, condition: condition(info, label) };
}

const condition = (info, label) => Float32Array.from(info.classes, (_, i) => (i === label ? 1 : 0));

// imagesOf returns the images of points, one after the other.
function imagesOf(program, points) {
	const flat = (part) => {
		const all = new Float32Array(points.length * points[0][part].length);
		points.forEach((p, i) => all.set(p[part], i * p[part].length));
		return all;
	};
	return program.call("draw", flat("z"), flat("condition"));
}

class Drawing {
	constructor(program, info) {
		this.program = program;
		this.info = info;
		this.draw = latest(async () => {
			const start = performance.now();
			paint($("digit"), await imagesOf(program, [this.point]), info);
			$("speed").textContent = `drawn in ${(performance.now() - start).toFixed(1)} ms`;
		});
		$("latent").textContent = info.latent;
		$("seed").oninput = () => this.take();
		$("another").onclick = () => {
			$("seed").value = Number($("seed").value) + 1;
			this.take();
		};
		$("labels").hidden = $("classed").hidden = info.classes.length === 0;
		["any", ...info.classes].forEach((name, i) => {
			const button = document.createElement("button");
			Object.assign(button, { type: "button", textContent: name });
			button.onclick = () => {
				this.label = i - 1; // −1: that of the seed
				if (i === 0) return this.take();
				this.point.condition = condition(info, this.label);
				this.show();
			};
			$("labels").append(button);
		});
		this.label = -1;
	}

	// take draws the first sample of the seed, in the class that is chosen.
	async take() {
		const seed = Number($("seed").value);
		if (!Number.isSafeInteger(seed) || seed < 0) return;
		this.point = await pointOf(this.program, this.info, seed);
		if (this.label >= 0) this.point.condition = condition(this.info, this.label);
		await this.show();
	}

	// show makes sliders, buttons and the picture those of the point.
	show() {
		for (const slider of this.sliders ?? []) slider.value = this.point.z[slider.dataset.at];
		[...$("labels").children].forEach((button, i) => button.setAttribute("aria-pressed", this.label === i - 1));
		return this.draw();
	}

	// addSliders makes a slider for each latent number, the most influential first:
	// those that change the images of three seeds most when they grow by 2.
	async addSliders() {
		const k = this.info.latent, size = this.info.width * this.info.height;
		const influence = new Float64Array(k);
		for (const seed of [1001, 1002, 1003]) {
			const base = await pointOf(this.program, this.info, seed), points = [base];
			for (let i = 0; i < k; i++) points.push({ ...base, z: base.z.with(i, base.z[i] + 2) });
			const images = await imagesOf(this.program, points);
			for (let i = 0; i < k; i++)
				for (let p = 0; p < size; p++) influence[i] += (images[(i + 1) * size + p] - images[p]) ** 2;
		}
		const order = [...influence.keys()].sort((a, b) => influence[b] - influence[a]);
		this.sliders = order.map((at, place) => {
			const label = document.createElement("label"), slider = document.createElement("input");
			Object.assign(slider, { type: "range", min: -3, max: 3, step: 0.01 });
			slider.dataset.at = at;
			slider.oninput = () => {
				this.point.z[at] = Number(slider.value);
				this.draw();
			};
			label.append(String(at + 1), slider);
			$(place < 12 ? "sliders" : "more").append(label);
			return slider;
		});
		await this.show();
	}
}

// ---- walk

class Walk {
	constructor(program, info) {
		this.program = program;
		this.info = info;
		this.seeds = { from: 4, to: 54 };
		this.draw = latest(async () => paint($("between"), await imagesOf(program, [this.between(Number($("way").value))]), info));
		this.drawAll = latest(async () => {
			const size = info.width * info.height;
			const images = await imagesOf(program, Array.from({ length: 11 }, (_, i) => this.between(i / 10)));
			paint($("from").firstElementChild, images, info);
			paint($("to").firstElementChild, images.subarray(10 * size), info);
			paint($("strip"), images, info, 11);
			await this.draw();
		});
		for (const end of ["from", "to"])
			$(end).onclick = async () => {
				this.seeds[end] += 100;
				await this.take();
			};
		$("way").oninput = () => {
			this.stop();
			this.draw();
		};
		$("play").onclick = () => (this.playing ? this.stop() : this.play());
	}

	async take() {
		for (const end of ["from", "to"]) this[end] = await pointOf(this.program, this.info, this.seeds[end]);
		await this.drawAll();
	}

	// between is on the arc from one latent vector to the other: a straight way would
	// lead through short vectors, which are never drawn otherwise. Conditions mix.
	between(t) {
		const { from, to } = this;
		const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
		const mix = (a, b, s, t) => a.map((v, i) => s * v + t * b[i]);
		const angle = Math.acos(Math.min(1, dot(from.z, to.z) / Math.sqrt(dot(from.z, from.z) * dot(to.z, to.z))));
		const [a, b] = angle < 1e-6 ? [1 - t, t] : [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
		return { z: mix(from.z, to.z, a, b), condition: mix(from.condition, to.condition, 1 - t, t) };
	}

	play() {
		this.playing = true;
		$("play").textContent = "Stop";
		const start = performance.now(), first = Number($("way").value);
		const move = (now) => {
			if (!this.playing) return;
			const t = (first + Math.max(0, now - start) / 4000) % 2; // there in four seconds, and back
			$("way").value = t < 1 ? t : 2 - t;
			this.draw();
			requestAnimationFrame(move);
		};
		requestAnimationFrame(move);
	}

	stop() {
		this.playing = false;
		$("play").textContent = "Walk";
	}
}

// ---- train

class Training {
	constructor(module, ring) {
		this.module = module;
		this.ring = ring;
		this.seed = 0;
		$("train").disabled = false;
		$("train").onclick = () => (this.program ? this.stop() : this.start());
		addEventListener("resize", () => this.paint());
		this.paint();
	}

	start() {
		this.seed++;
		this.program = new Program(this.module, (frame) => this.show(frame));
		this.program.call("train", this.seed).catch((error) => complain(error.message));
		$("train").textContent = "Stop";
	}

	stop() {
		this.program.end();
		this.program = null;
		$("train").textContent = `Train again, seed ${this.seed + 1}`;
	}

	show(frame) {
		if (frame.error) return complain(frame.error);
		if (!this.program) return; // was on its way when training was stopped
		this.frame = frame;
		$("step").textContent = `${frame.step.toLocaleString("en")} of ${frame.steps.toLocaleString("en")}`;
		$("modes").textContent = `${frame.modes} of ${this.ring.centers.length / 2}`;
		$("quality").textContent = `${Math.round(100 * frame.quality)} %`;
		$("time").textContent = `${frame.seconds.toFixed(1)} s`;
		$("progress").value = frame.step / frame.steps;
		this.paint();
		if (frame.step === frame.steps) this.stop();
	}

	paint() {
		const canvas = $("ring"), size = Math.round(canvas.clientWidth * devicePixelRatio);
		canvas.width = canvas.height = size;
		const c = canvas.getContext("2d");
		const { centers, sigma, half, cells } = this.ring;
		const scale = size / (2 * half), x = (v) => (v + half) * scale, y = (v) => (half - v) * scale;
		if (this.frame) this.paintField(c, size, cells + 1);
		c.strokeStyle = `rgb(${colour("--soft").join()})`;
		c.lineWidth = devicePixelRatio;
		for (let i = 0; i < centers.length; i += 2) {
			c.beginPath();
			c.arc(x(centers[i]), y(centers[i + 1]), Math.max(3 * sigma * scale, 5 * devicePixelRatio), 0, 2 * Math.PI);
			c.stroke();
		}
		if (!this.frame) return;
		c.fillStyle = `rgb(${colour("--ink").join(" ")} / 0.7)`;
		const { points } = this.frame;
		for (let i = 0; i < points.length; i += 2) {
			c.beginPath();
			c.arc(x(points[i]), y(points[i + 1]), 1.4 * devicePixelRatio, 0, 2 * Math.PI);
			c.fill();
		}
	}

	// paintField shows what the discriminator says, from its lowest twentieth to its
	// highest: what the numbers are in themselves is of no meaning.
	paintField(c, size, n) {
		const { field } = this.frame, sorted = field.slice().sort();
		const low = sorted[Math.floor(field.length / 20)], high = sorted[field.length - 1 - Math.floor(field.length / 20)];
		const cool = colour("--cool"), middle = colour("--middle"), warm = colour("--warm");
		const image = new ImageData(n, n);
		field.forEach((v, i) => {
			const t = 2 * Math.min(Math.max((v - low) / Math.max(high - low, 1e-30), 0), 1) - 1;
			image.data.set(blend(middle, t < 0 ? cool : warm, Math.abs(t)), 4 * i);
			image.data[4 * i + 3] = 255;
		});
		const small = new OffscreenCanvas(n, n);
		small.getContext("2d").putImageData(image, 0, 0);
		c.imageSmoothingQuality = "high";
		const cell = size / (n - 1); // values are those of corners
		c.drawImage(small, -cell / 2, -cell / 2, n * cell, n * cell);
	}
}

// ---- begin

async function begin() {
	const [module, file] = await Promise.all([compiled(), fetched("generator.safetensors")]);
	const program = new Program(module);
	const info = await program.call("load", file);
	const drawing = new Drawing(program, info), walk = new Walk(program, info);
	await drawing.take();
	const first = performance.now();
	$("status").textContent = `The first digit was there after ${(first / 1000).toFixed(2)} s.`;
	await drawing.addSliders();
	await walk.take();
	const training = new Training(module, await program.call("ring"));
	dark.addEventListener("change", () => {
		drawing.draw();
		walk.drawAll();
		training.paint();
	});
	Object.assign(globalThis, { page: { program, info, first, training, drawing, pointOf, imagesOf } }); // for the console, and tests
	document.body.dataset.ready = "yes";
}

begin().catch((error) => complain(`This did not work: ${error.message}`));
