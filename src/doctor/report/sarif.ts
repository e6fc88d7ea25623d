import { createHash } from 'node:crypto'
import type { Finding, Level, Report } from '../finding.js'
import type { RuleInfo } from './groups.js'
import { printable } from './printable.js'

export interface SarifOptions {
  /** Every rule there is, so that a code host can tell a rule that found nothing from one that is gone. */
  readonly rules: readonly RuleInfo[]
  /** Of this package. */
  readonly version: string
  /** Where in the repository a finding is shown: a database has no lines, and a code host shows nothing without. */
  locate(finding: Finding): SourceLocation
}

export interface SourceLocation {
  /** From the root of the repository, with `/`. */
  readonly path: string
  /** From 1. */
  readonly line: number
}

const levels: Record<Level, 'error' | 'warning' | 'note'> = { error: 'error', warning: 'warning', info: 'note' }
/** GitHub sorts security alerts by this number. */
const severities: Record<Level, string> = { error: '8.0', warning: '5.0', info: '2.0' }

/**
 * The report as a SARIF log.
 *
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 * @see https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
 */
export function toSarif(report: Report, { rules, version, locate }: SarifOptions): object {
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'tenancy doctor',
            version,
            informationUri: 'https://www.npmjs.com/package/prisma-extension-tenancy',
            rules: rules.map(descriptor),
          },
        },
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: report.checked.notChecked.map(({ what, reason }) => ({
              level: 'warning',
              message: { text: plainText(`Not checked: ${what}. ${reason}`) },
            })),
          },
        ],
        results: report.findings.map((finding) => result(finding, rules, locate(finding))),
      },
    ],
  }
}

function descriptor({ id, level, title, why, docsUrl }: RuleInfo): object {
  return {
    id,
    shortDescription: { text: plainText(title) },
    fullDescription: { text: plainText(why) },
    help: { text: plainText(`${why} See ${docsUrl}`), markdown: `${why}\n\n[Documentation](${docsUrl})` },
    helpUri: docsUrl,
    defaultConfiguration: { level: levels[level] },
    properties: { 'security-severity': severities[level], tags: ['security', 'multi-tenancy', 'postgresql'] },
  }
}

function result(finding: Finding, rules: readonly RuleInfo[], { path, line }: SourceLocation): object {
  const { rule, level, object, detail, fix, needsPerson } = finding
  const ruleIndex = rules.findIndex(({ id }) => id === rule)
  const decide = needsPerson === undefined ? '' : ` You decide: ${needsPerson}`
  return {
    ruleId: rule,
    ...(ruleIndex >= 0 && { ruleIndex }),
    level: levels[level],
    message: { text: plainText(`${object}: ${detail}${decide}`) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: path.split('/').map(encodeURIComponent).join('/') },
          region: { startLine: line },
        },
        logicalLocations: [{ fullyQualifiedName: printable(object), kind: 'resource' }],
      },
    ],
    // The same fault of the same object is the same alert, wherever it is shown.
    partialFingerprints: {
      'ruleAndObject/v1': createHash('sha256')
        .update(JSON.stringify([rule, object]))
        .digest('hex'),
    },
    ...(fix !== '' && { properties: { fix } }),
  }
}

/** SARIF reads links and placeholders in a message. A name is neither. */
function plainText(text: string): string {
  return printable(text)
    .replaceAll(/\[([^\]]*)\]\(/g, '\\[$1\\](')
    .replaceAll(/\{(\d+)\}/g, '{{$1}}')
}
