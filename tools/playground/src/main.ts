import { bundled } from './bundled.js'
import { setBusy } from './busy.js'
import { Checkpoints } from './checkpoints.js'
import { find } from './dom.js'
import { acceptDrops } from './drop.js'
import { fileChoice, firstDemo, type ImageChoice, isVideo, markDemo, offerImages } from './image-sources.js'
import { Legend } from './legend.js'
import { Live } from './live.js'
import { openPhoto } from './photo.js'
import { clearProblem, showProblem } from './problem.js'
import { Recorder } from './recorder.js'
import { Files } from './save.js'
import { sceneOf } from './scene.js'
import { PercentSlider } from './sliders.js'
import { Stage } from './stage.js'
import { showTimes } from './times.js'
import { offerViews, onViewChange, showsEdges } from './views.js'
import { followWipe, wipe } from './wipe.js'
import { type Result, type Table, Workbench } from './workbench.js'

const maxSide = find('#max-side', HTMLSelectElement)
const imageProblem = find('#image-problem', HTMLElement)
const status = find('#status', HTMLElement)
const photoCanvas = find('#photo', HTMLCanvasElement)

const stage = new Stage()
const opacity = new PercentSlider('opacity', repaint)
const threshold = new PercentSlider('threshold', repaint)
/** Images per second while a camera or a video runs. */
let rate: number | undefined
let live = false
let highlight: number | undefined

const workbench = new Workbench({
  async show(table) {
    checkpoints.show(table.networks)
    offerViews(table.networks)
    markThreshold()
    await paint(table)
    describe(table)
  },
  busy(running) {
    // Between frames, the notice would only flicker.
    setBusy('Segmenting…', running && !live)
  },
})
const checkpoints = new Checkpoints(workbench)
const recorder = new Recorder()
const files = new Files({
  shown: () => stage.snapshot(wipe()),
  style: () => ({ opacity: opacity.share }),
})
const legend = new Legend((index) => {
  highlight = index
  repaint()
})

async function paint(table: Table): Promise<void> {
  const scene = sceneOf(table, { opacity: opacity.share, threshold: threshold.share, highlight })
  if (scene) await stage.show(scene)
}

/** The threshold does nothing where no boundaries of an edge head are shown. */
function markThreshold(): void {
  threshold.enabled = showsEdges()
}

function repaint(): void {
  void paint(workbench.table)
}

/** Describes in text and numbers what is shown. */
function describe(table: Table): void {
  const { photo } = table
  const results = table.results.filter((result): result is Result => result !== undefined)
  markDemo(photo?.name)
  if (!photo || results.length === 0) return
  const found = `${photo.name}: ${legend.show(results, live)}.`
  photoCanvas.setAttribute('aria-label', found)
  if (!live) status.textContent = found
  showTimes(table, stage.painted, rate)
  files.offer(table)
}

/** Opens an image. Errors are shown next to its control, and the previous image stays. */
async function open({ name, file }: ImageChoice): Promise<void> {
  source.stop()
  clearProblem(imageProblem)
  try {
    await workbench.change({ photo: await openPhoto(await file(), name, Number(maxSide.value)) })
  } catch (error) {
    showProblem(imageProblem, error)
  }
}

function openFile(file: File): void {
  void (isVideo(file) ? source.play(file) : open(fileChoice(file)))
}

const source = new Live({
  maxSide: () => Number(maxSide.value),
  onStart(name) {
    live = true
    recorder.name = name
    status.textContent = `${name}: on.`
  },
  async onFrame(photo, perSecond) {
    rate = perSecond
    if (await workbench.change({ photo })) recorder.add(() => stage.snapshot(wipe()))
  },
  onStop(name) {
    recorder.stop()
    live = false
    rate = undefined
    status.textContent = `${name}: off.`
  },
})

maxSide.addEventListener('change', () => {
  const { photo } = workbench.table
  if (photo?.file) void open({ name: photo.name, file: async () => photo.file as Blob })
})
onViewChange(() => {
  markThreshold()
  repaint()
})
followWipe()
offerImages(open, openFile)
acceptDrops({
  onPicture: openFile,
  onCheckpoint: (file, target) =>
    checkpoints.load(checkpoints.slotOf(target), { name: file.name, checkpoint: file }),
})
void open(firstDemo)
void compareBundled()

/** Loads the bundled checkpoints, one after the other: together, each would take longer to show the first result. */
async function compareBundled(): Promise<void> {
  await checkpoints.load(0, bundled[0])
  await checkpoints.load(1, bundled[1])
}
