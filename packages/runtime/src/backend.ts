import type { Tensor } from './tensor.js'

/** A network ready to run. */
export interface Session {
  /** Runs the network; gives the outputs named, or all of them. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>
  /** Frees what the session holds. */
  dispose(): Promise<void>
}

/** What a runtime supplies: something that runs ONNX models on a device. */
export interface Backend {
  /** e.g. `cpu` */
  readonly device: string
  /** @param model ONNX bytes; the backend may keep no reference to them afterwards. */
  createSession(model: Uint8Array): Promise<Session>
}
