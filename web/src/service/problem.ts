/** A refusal with its sentence: RFC 9457, as the gateway writes it. */
export class Problem extends Error {
  constructor(readonly status: number, sentence: string, readonly field?: string) {
    super(sentence);
  }

  /** From a problem document, or from whatever else came. */
  static from(status: number, document: unknown): Problem {
    const { detail, title, fix, field } = (document ?? {}) as Record<string, string | undefined>;
    const said = detail ?? title ?? `HTTP ${status}`;
    const sentence = fix && !said.includes(fix) ? `${said.replace(/\.?\s*$/, '.')} ${fix}` : said;
    return new Problem(status, sentence, field);
  }

  static async of(response: Response): Promise<Problem> {
    const document: unknown = await response.json().catch(() => undefined);
    return Problem.from(response.status, document);
  }
}
