import type { Tensor } from '../engine/backend.js'
import {
  enlargedLabels,
  type Labels,
  type Readout,
  readPlane,
  readRows,
  type WantedReadout,
} from './labels.js'
import {
  blendRows,
  featureMap,
  gateRows,
  mapRows,
  meanRows,
  type RowSize,
  type Rows,
  resizeRows,
} from './rows.js'

/** Where to find a map of one image among the outputs of a network. */
export interface MapSource {
  /** [N,C,H,W] */
  readonly tensor: Tensor
  /** Index of the image in the batch. */
  readonly image: number
  /** Name of the output, for messages. */
  readonly output: string
  /** Whether left and right are swapped; rows have them the right way round. */
  readonly mirrored: boolean
}

/** Turns small maps into outputs, by rows in plain arrays or in the memory of kernels. */
export interface MapReader<R extends RowSize> {
  /** @throws `inference-failed` for a value that is not finite, now or when its row is computed */
  rows(source: MapSource): R
  /** Resizes bilinearly, with half-pixel centers and clamped edges. */
  resize(rows: R, width: number, height: number): R
  /** Returns `gate · values`, with a gate of one channel. */
  gate(gate: R, values: R): R
  /** Returns `gated + (1 − gate) · rest`, with a gate of one channel. */
  blend(gated: R, gate: R, rest: R): R
  /** Returns the mean of maps of one size. */
  mean(rows: readonly R[]): R
  /** Reads the wanted outputs in one pass. */
  read(rows: R, wanted: WantedReadout): Readout
  /** Returns a plane of rows with one channel, or its sigmoid. */
  plane(rows: R, sigmoid: boolean): Float32Array
  /** Returns the labels of a map's enlargement, without enlarging it. */
  labels(source: MapSource, width: number, height: number): Labels
}

const map = ({ tensor, image, output, mirrored }: MapSource) => featureMap(tensor, image, output, mirrored)

/** Reads maps in TypeScript, channels last. */
export const arrayReader: MapReader<Rows> = {
  rows: (source) => mapRows(map(source)),
  resize: resizeRows,
  gate: gateRows,
  blend: blendRows,
  mean: meanRows,
  read: readRows,
  plane: (rows, sigmoid) => readPlane(rows, sigmoid ? (x) => 1 / (1 + Math.exp(-x)) : (x) => x),
  labels: (source, width, height) => enlargedLabels(map(source), width, height),
}
