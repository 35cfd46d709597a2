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

class Drawing {
	constructor(program, info) {
		this.program = program;
		this.info = info;
		this.draw = latest(async () => {
			const start = performance.now();
			const image = await program.call("draw", this.z);
			paint($("digit"), image, info);
			$("speed").textContent = `drawn in ${(performance.now() - start).toFixed(1)} ms`;
		});
		$("latent").textContent = info.latent;
		$("seed").oninput = () => this.take();
		$("another").onclick = () => {
			$("seed").value = Number($("seed").value) + 1;
			this.take();
		};
	}

	// take draws the first sample of the seed.
	async take() {
		const seed = Number($("seed").value);
		if (!Number.isSafeInteger(seed) || seed < 0) return;
		this.z = await this.program.call("latents", 1, seed);
		for (const slider of this.sliders ?? []) slider.value = this.z[slider.dataset.at];
		await this.draw();
	}

	// addSliders makes a slider for each latent number, the most influential first:
	// those that change the images of three seeds most when they grow by 2.
	async addSliders() {
		const k = this.info.latent, size = this.info.width * this.info.height, seeds = 3;
		const influence = new Float64Array(k);
		const base = await this.program.call("latents", seeds, 1000);
		for (let s = 0; s < seeds; s++) {
			const moved = new Float32Array((k + 1) * k);
			for (let i = 0; i <= k; i++) {
				moved.set(base.subarray(s * k, (s + 1) * k), i * k);
				if (i < k) moved[i * k + i] += 2;
			}
			const images = await this.program.call("draw", moved);
			for (let i = 0; i < k; i++)
				for (let p = 0; p < size; p++) influence[i] += (images[i * size + p] - images[k * size + p]) ** 2;
		}
		const order = [...influence.keys()].sort((a, b) => influence[b] - influence[a]);
		this.sliders = order.map((at, place) => {
			const label = document.createElement("label"), slider = document.createElement("input");
			Object.assign(slider, { type: "range", min: -3, max: 3, step: 0.01, value: this.z[at] });
			slider.dataset.at = at;
			slider.oninput = () => {
				this.z[at] = Number(slider.value);
				this.draw();
			};
			label.append(String(at + 1), slider);
			$(place < 12 ? "sliders" : "more").append(label);
			return slider;
		});
	}
}

// ---- walk

class Walk {
	constructor(program, info) {
		this.program = program;
		this.info = info;
		this.seeds = { from: 21, to: 12 };
		this.draw = latest(async () => {
			const t = Number($("way").value);
			paint($("between"), await program.call("draw", this.between(t)), info);
		});
		this.drawAll = latest(async () => {
			const ts = Array.from({ length: 11 }, (_, i) => i / 10), size = info.width * info.height;
			const z = new Float32Array(11 * info.latent);
			ts.forEach((t, i) => z.set(this.between(t), i * info.latent));
			const images = await program.call("draw", z);
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
		for (const end of ["from", "to"]) this[end] = await this.program.call("latents", 1, this.seeds[end]);
		await this.drawAll();
	}

	// between is on the arc from one vector to the other: a straight way would lead
	// through short vectors, which are never drawn otherwise.
	between(t) {
		const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
		const angle = Math.acos(Math.min(1, dot(this.from, this.to) / Math.sqrt(dot(this.from, this.from) * dot(this.to, this.to))));
		const [a, b] = angle < 1e-6 ? [1 - t, t] : [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
		return this.from.map((v, i) => a * v + b * this.to[i]);
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
	Object.assign(globalThis, { page: { program, info, first, training } }); // for the console, and tests
	document.body.dataset.ready = "yes";
}

begin().catch((error) => complain(`This did not work: ${error.message}`));
