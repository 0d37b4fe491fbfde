/** The arguments of a tool's call as the object that Anthropic's blocks have for them. */
import { JsonObject } from './chat-bodies.ts';

/**
 * Models write arguments as text, which may be broken or no object. Then the object has the text under `INVALID_JSON`, as Anthropic's
 * documentation advises, so that whoever reads it can say so to the model. No text at all is a call without arguments.
 */
export function toolInputOf(written: string): Readonly<Record<string, unknown>> {
  if (written.trim() === '') return {};
  try {
    return JsonObject.parse(JSON.parse(written));
  } catch {
    return { INVALID_JSON: written };
  }
}
