// Asks the worker, and hands its answers back as promises.

export class Engine {
  #worker = new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module', name: 'streamckpt' });
  #waiting = new Map();
  #next = 1;

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#answer(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message || 'The worker could not be started.'));
      this.#waiting.clear();
    };
  }

  #answer({ id, result, error, progress }) {
    const call = this.#waiting.get(id);
    if (!call) return;
    if (progress) return void call.onProgress?.(progress);
    this.#waiting.delete(id);
    if (error) call.reject(Object.assign(new Error(error.message), { isStop: error.isStop }));
    else call.resolve(result);
  }

  // A promise of the answer, with stop() to give it up.
  call(name, wanted = {}, onProgress) {
    const id = this.#next++;
    const promise = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, onProgress }));
    this.#worker.postMessage({ id, name, ...wanted });
    promise.stop = () => this.#worker.postMessage({ name: 'stop', call: id });
    return promise;
  }

  close() {
    this.#worker.terminate();
  }
}
