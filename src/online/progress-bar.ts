import { SingleBar } from 'cli-progress'

import type { OnProgress, ProgressEvent } from './progress.js'

export interface ProgressBar {
  readonly onProgress: OnProgress
  /** Takes the bar off the screen; to be called at the end, also of a run that failed. */
  stop(): void
}

/**
 * Shows the events of `applyOnline`: a line for every step, and a bar for what takes long. Where `stream` is no terminal,
 * as in CI, the bar is a line for every tenth part.
 *
 * @example const bar = progressBar(process.stderr)
 */
export function progressBar(stream: NodeJS.WriteStream): ProgressBar {
  const line = (text: string): void => void stream.write(`${text}\n`)
  const part = stream.isTTY ? drawnPart(stream) : printedPart(line)
  let waited = ''
  return {
    onProgress(event) {
      const shown = share(event)
      if (shown !== undefined) return part.show(shown)
      const text = lineOf(event)
      // A wait is told once, not twice a second.
      if (text === undefined || text === waited) return
      waited = event.kind === 'waiting' ? text : ''
      part.end()
      line(text)
    },
    stop: () => part.end(),
  }
}

interface Share {
  readonly label: string
  readonly done: number
  readonly of: number
}

function share(event: ProgressEvent): Share | undefined {
  if (event.kind === 'rows') {
    return { label: `rows of ${event.table}`, done: event.seen, of: Math.max(event.of ?? 0, event.seen) }
  }
  if (event.kind === 'index') return { label: `${event.name}: ${event.phase}`, done: event.done, of: event.of }
  return undefined
}

function lineOf(event: ProgressEvent): string | undefined {
  if (event.kind === 'step') {
    const place = `[${event.number}/${event.of}]`
    if (event.state === 'there') return `${place} ${event.title}: there already`
    return event.state === 'started' ? `${place} ${event.title}` : undefined
  }
  if (event.kind !== 'waiting') return undefined
  return `  waiting for a lock${event.blockers.length > 0 ? `, held by ${event.blockers.join(', ')}` : ''}`
}

interface Part {
  show(share: Share): void
  end(): void
}

function drawnPart(stream: NodeJS.WriteStream): Part {
  let bar: SingleBar | undefined
  const end = (): void => {
    bar?.stop()
    bar = undefined
  }
  return {
    end,
    show({ label, done, of }) {
      if (bar === undefined) {
        const format = '  {bar} {percentage} %  {label}  {value}/{total}'
        bar = new SingleBar({ format, stream, hideCursor: true, clearOnComplete: true, barsize: 24 })
        bar.start(of, done, { label })
        return
      }
      bar.setTotal(of)
      bar.update(done, { label })
    },
  }
}

function printedPart(line: (text: string) => void): Part {
  let label = ''
  let tenths = 0
  return {
    end() {
      label = ''
    },
    show(share) {
      if (share.label !== label) [label, tenths] = [share.label, 0]
      const reached = share.of === 0 ? 0 : Math.floor((share.done * 10) / share.of)
      if (reached <= tenths) return
      tenths = reached
      line(`  ${reached * 10} %  ${share.label}  ${share.done}/${share.of}`)
    },
  }
}
