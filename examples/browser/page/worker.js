// One running Go program. The page sends the compiled module, then calls; a call's
// result, and each frame of a training, go back as messages.
"use strict";
importScripts("wasm_exec.js");

const started = new Promise((resolve, reject) => {
	self.onmessage = async ({ data }) => {
		self.onmessage = answer;
		try {
			const go = new Go();
			const instance = await WebAssembly.instantiate(data.module, go.importObject);
			go.run(instance); // to the program's first wait, when self.gander is there
			resolve();
		} catch (error) {
			reject(error);
		}
	};
});

async function answer({ data: { id, name, args } }) {
	try {
		await started;
		if (name === "train") args.push((frame) => self.postMessage({ frame }));
		const result = self.gander[name](...args);
		if (result instanceof Error) throw result;
		self.postMessage({ id, result });
	} catch (error) {
		self.postMessage({ id, error: error.message });
	}
}
