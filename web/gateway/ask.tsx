/** Asks a model, shows the answer as it comes and what it cost, and leads to its receipt. */
import { isId, parseOpen } from '@openledger/protocol';
import type { Client } from '@openledger/sdk';
import { type FormEvent, useEffect, useState } from 'react';
import { writeFragment } from '../app/fragment.ts';
import { Empty, Read, Section } from '../app/section.tsx';
import { EVERY_MS, useReading, valueIn } from '../app/use-reading.ts';
import { Amount } from '../ledger/amount.tsx';
import { Wallet } from '../ledger/wallet.tsx';
import { type Answer, useAnswer } from './use-answer.ts';

type Props = { readonly client: Client; readonly apiKey: string };

export function Ask({ client, apiKey }: Props) {
  const reading = useReading(
    'models to ask',
    (signal) => client.models.list({}, { signal }),
    2 * EVERY_MS,
  );
  return (
    <Section
      id="ask"
      title="Ask"
      lead="A paid call through the OpenAI-compatible gateway. Everybody whose words come back earns."
    >
      <Read reading={reading} what="the models">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>No model can be called yet. Training takes about two minutes.</Empty>
          ) : (
            <AskForm
              client={client}
              apiKey={apiKey}
              models={items.map(({ name }) => name).reverse()}
            />
          )
        }
      </Read>
    </Section>
  );
}

const MAX_TOKENS = 96;

function AskForm({ client, apiKey, models }: Props & { readonly models: readonly string[] }) {
  const datanets = useReading(
    'datanets',
    (signal) => client.datanets.list({ limit: 100 }, { signal }),
    2 * EVERY_MS,
  );
  const shelves = valueIn(datanets)?.items ?? [];
  const [prompt, setPrompt] = useState('');
  const [wantedModel, setModel] = useState<string>();
  const [retrieves, setRetrieves] = useState(true);
  const [wantedShelf, setShelf] = useState<string>();
  const { answer, ask, stop } = useAnswer(apiKey);

  // What was chosen may be gone by now; then the first one is.
  const model = models.find((name) => name === wantedModel) ?? models[0];
  const shelf = shelves.find(({ id }) => id === wantedShelf) ?? shelves[0];
  const isAnswering = answer.state === 'answering';

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isAnswering || prompt.trim() === '') return;
    const datanetIds = retrieves && shelf ? [shelf.id] : [];
    // A space at the end is a word the model was never taught to go on from.
    void ask({ model, prompt: prompt.trimEnd(), maxTokens: MAX_TOKENS, datanets: datanetIds });
  };
  return (
    <form className="ask" onSubmit={submit}>
      <div className="ask-prompt">
        <label htmlFor="prompt" className="hidden">
          Your prompt
        </label>
        <textarea
          id="prompt"
          rows={2}
          placeholder="Begin a sentence that the records could end."
          value={prompt}
          onChange={(event) => setPrompt(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) submit(event);
          }}
        />
      </div>
      <div className="ask-options">
        <label>
          <span>Model</span>
          <select value={model} onChange={(event) => setModel(event.target.value)}>
            {models.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {shelf ? (
          <span className="ask-shelf">
            <label>
              <input
                type="checkbox"
                checked={retrieves}
                onChange={(event) => setRetrieves(event.target.checked)}
              />
              <span>Retrieve from</span>
            </label>
            <select
              aria-label="Datanet to retrieve from"
              value={shelf.id}
              disabled={!retrieves}
              onChange={(event) => setShelf(event.target.value)}
            >
              {shelves.map(({ id, title }) => (
                <option key={id} value={id}>
                  {title}
                </option>
              ))}
            </select>
          </span>
        ) : null}
        {isAnswering ? (
          <button type="button" className="plain" onClick={stop}>
            Stop
          </button>
        ) : (
          <button type="submit" disabled={prompt.trim() === ''}>
            Ask
          </button>
        )}
      </div>
      <Wallet client={client} />
      <AnswerView answer={answer} />
    </form>
  );
}

function AnswerView({ answer }: { readonly answer: Answer }) {
  const receiptId = answer.state === 'answered' ? answer.receiptId : undefined;
  useEffect(() => {
    if (receiptId && isId('receipt', receiptId)) writeFragment('receipt', receiptId);
  }, [receiptId]);

  if (answer.state === 'none') return null;
  return (
    <div className="answer" aria-live="polite" aria-busy={answer.state === 'answering'}>
      <p className="answer-text">
        {answer.text}
        {answer.state === 'answering' ? <span className="cursor" aria-hidden="true" /> : null}
      </p>
      {answer.state === 'failed' ? <p className="fault">{answer.reason}</p> : null}
      {answer.state === 'answered' ? (
        <p className="answer-foot">
          <Amount units={parseOpen(answer.price)} /> ·{' '}
          <a
            href={`#receipt=${answer.receiptId}`}
            onClick={() => document.getElementById('receipts')?.scrollIntoView()}
          >
            its receipt
          </a>
        </p>
      ) : null}
    </div>
  );
}
