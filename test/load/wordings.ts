/** What an answer says, in the words of OpenAI's chat completions and of Anthropic's messages. */

/** Usage and cost as they are told to the client. */
export type Told = {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** In OPEN. */
  readonly cost: string;
};

type Heard = {
  readonly text?: string;
  readonly told?: Told;
  readonly isEnd?: boolean;
};

type Reading = {
  whole(body: unknown): { readonly text: string; readonly told: Told };
  event(data: string): Heard;
};

type ChatUsage = { prompt_tokens: number; completion_tokens: number; cost: string };
type ChatBody = {
  readonly choices: readonly { message?: { content: string }; delta?: { content?: string } }[];
  readonly usage?: ChatUsage | null;
};

const toldOfChat = ({ prompt_tokens, completion_tokens, cost }: ChatUsage): Told => ({
  ...{ promptTokens: prompt_tokens, completionTokens: completion_tokens, cost },
});

export const readChat: Reading = {
  whole(body) {
    const { choices, usage } = body as ChatBody;
    return { text: choices[0].message?.content ?? '', told: toldOfChat(usage as ChatUsage) };
  },
  event(data) {
    if (data === '[DONE]') return { isEnd: true };
    const { choices = [], usage } = JSON.parse(data) as ChatBody;
    return { text: choices[0]?.delta?.content, told: usage ? toldOfChat(usage) : undefined };
  },
};

type MessagesUsage = { input_tokens: number; output_tokens: number; cost: string };
type MessagesEvent = {
  readonly type: string;
  readonly delta?: { readonly text?: string };
  readonly usage?: MessagesUsage;
};

const toldOfMessages = ({ input_tokens, output_tokens, cost }: MessagesUsage): Told => ({
  ...{ promptTokens: input_tokens, completionTokens: output_tokens, cost },
});

export const readMessages: Reading = {
  whole(body) {
    const { content, usage } = body as { content: { text: string }[]; usage: MessagesUsage };
    return { text: content.map(({ text }) => text).join(''), told: toldOfMessages(usage) };
  },
  event(data) {
    const { type, delta, usage } = JSON.parse(data) as MessagesEvent;
    return {
      text: delta?.text,
      told: usage ? toldOfMessages(usage) : undefined,
      isEnd: type === 'message_stop',
    };
  },
};
