const isCheckpoint = (file: File): boolean => /\.(pth|pt|safetensors|onnx)$/i.test(file.name)

export interface DropTargets {
  /** @param file an image or a video */
  readonly onPicture: (file: File) => void
  /** @param target the element that the file was dropped on */
  readonly onCheckpoint: (file: File, target: Element) => void
}

/** Accepts files dropped anywhere on the page. Checkpoints are recognized by their extension; other files are images or videos. */
export function acceptDrops({ onPicture, onCheckpoint }: DropTargets): void {
  const { body } = document
  const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files')
  document.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    body.classList.add('dropping')
  })
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) body.classList.remove('dropping')
  })
  document.addEventListener('drop', (event) => {
    const file = event.dataTransfer?.files[0]
    body.classList.remove('dropping')
    if (!file) return
    event.preventDefault()
    if (isCheckpoint(file)) onCheckpoint(file, event.target as Element)
    else onPicture(file)
  })
}
