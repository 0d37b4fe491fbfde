/** One question at a time, and its answer as far as it has come. */
import { useEffect, useRef, useState } from 'react';
import { chatStream, type Question } from './chat-stream.ts';

export type Answer =
  | { readonly state: 'none' }
  | { readonly state: 'answering'; readonly text: string }
  | {
      readonly state: 'answered';
      readonly text: string;
      /** In OPEN. */
      readonly price: string;
      readonly receiptId: string;
    }
  | { readonly state: 'failed'; readonly text: string; readonly reason: string };

export function useAnswer(apiKey: string): {
  readonly answer: Answer;
  readonly ask: (question: Question) => Promise<void>;
  readonly stop: () => void;
} {
  const [answer, setAnswer] = useState<Answer>({ state: 'none' });
  const asking = useRef<AbortController>(undefined);
  useEffect(() => () => asking.current?.abort(), []);

  async function ask(question: Question): Promise<void> {
    asking.current?.abort();
    const stopping = new AbortController();
    asking.current = stopping;
    const { signal } = stopping;
    let text = '';
    let answered: Answer | undefined;
    setAnswer({ state: 'answering', text });
    try {
      for await (const event of chatStream({ apiKey, signal }, question)) {
        if (event.kind === 'text') {
          text += event.text;
          setAnswer({ state: 'answering', text });
        } else {
          answered = { state: 'answered', text, price: event.price, receiptId: event.receiptId };
        }
      }
      if (!answered) throw new Error('The answer broke off.');
      setAnswer(answered);
    } catch (error) {
      const reason = signal.aborted
        ? 'Stopped. What was delivered is paid for, and has a receipt.'
        : messageOf(error);
      setAnswer({ state: 'failed', text, reason });
    }
  }
  return { answer, ask, stop: () => asking.current?.abort() };
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
