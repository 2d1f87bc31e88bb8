//! Templates in the styles of the models that Mome runs, and templates that mean no good.

#![cfg(feature = "chat")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Meta, Writer, parse, tiny};
use mome_backbone::{ChatMessage, ChatTemplate, ChatTemplateError};

fn read(template: &str) -> Result<Option<ChatTemplate>, ChatTemplateError> {
    let file = Writer::default()
        .meta("tokenizer.chat_template", Meta::Text(template))
        .meta("tokenizer.ggml.tokens", Meta::Texts(&["<s>".to_owned(), "</s>".to_owned()]))
        .meta("tokenizer.ggml.bos_token_id", Meta::U32(0))
        .meta("tokenizer.ggml.eos_token_id", Meta::U32(1));
    ChatTemplate::read(&parse(&file.bytes()).unwrap())
}

fn messages(list: &[(&str, &str)]) -> Vec<ChatMessage> {
    let message = |(role, content): &(&str, &str)| ChatMessage {
        role: (*role).to_owned(),
        content: (*content).to_owned(),
    };
    list.iter().map(message).collect()
}

/// A conversation of two questions, with a system message or without.
fn conversation(system: bool) -> Vec<ChatMessage> {
    let list = [("system", "Be brief."), ("user", " Hi "), ("assistant", "Yes?"), ("user", "Who?")];
    messages(&list[usize::from(!system)..])
}

fn render(template: &str, messages: &[ChatMessage], prompt: bool) -> Result<String, ChatTemplateError> {
    read(template)?.unwrap().render(messages, prompt)
}

const LLAMA_3: &str = "{% set loop_messages = messages %}{% for message in loop_messages %}\
    {% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}\
    {% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}\
    {% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

#[test]
fn llama_3() {
    assert_eq!(
        render(LLAMA_3, &conversation(true), true).unwrap(),
        "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>\
         <|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>\
         <|start_header_id|>assistant<|end_header_id|>\n\nYes?<|eot_id|>\
         <|start_header_id|>user<|end_header_id|>\n\nWho?<|eot_id|>\
         <|start_header_id|>assistant<|end_header_id|>\n\n"
    );
    assert!(render(LLAMA_3, &conversation(false), false).unwrap().ends_with("Who?<|eot_id|>"));
}

#[test]
fn llama_3_2_asks_whether_there_is_a_clock() {
    let template = r#"{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}

{#- The system message may be missing. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{%- if tools is not none %}
    {{- "Environment: ipython\n" }}
{%- endif %}
{{- "Today Date: " + date_string + "\n\n" }}
{{- system_message }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '[' + message['role'] + ']' + message['content'] | trim }}
    {%- endif %}
{%- endfor %}
"#;
    let expected = "<s>Today Date: 26 Jul 2024\n\nBe brief.[user]Hi[assistant]Yes?[user]Who?";
    assert_eq!(render(template, &conversation(true), false).unwrap(), expected);
}

#[test]
fn a_template_that_needs_a_clock_says_so() {
    let error = render("{{ strftime_now('%Y') }}", &conversation(false), false).unwrap_err();
    assert!(matches!(error, ChatTemplateError::Render(_)));
    assert!(error.to_string().contains("strftime_now"), "{error}");
}

#[test]
fn qwen_2_5() {
    let template = r#"{%- if tools %}
    {{- '<|im_start|>system\n# Tools' }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
    {%- else %}
        {{- '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
"#;
    let turns = "<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\nYes?<|im_end|>\n\
                 <|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n";
    let system = |text: &str| format!("<|im_start|>system\n{text}<|im_end|>\n{turns}");
    assert_eq!(render(template, &conversation(true), true).unwrap(), system("Be brief."));
    assert_eq!(render(template, &conversation(false), true).unwrap(), system("You are a helpful assistant."));
}

#[test]
fn qwen_3_leaves_out_earlier_thoughts() {
    let template = r#"{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or reasoning_content) %}
            {{- '<|im_start|>' + message.role + '\n<think>\n' + reasoning_content.strip('\n') + '\n</think>\n\n' + content.lstrip('\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}"#;
    let thought = "<think>\nHm.\n</think>\n\nYes?";
    let asked = messages(&[("user", "Hi"), ("assistant", thought), ("user", "Who?")]);
    assert_eq!(
        render(template, &asked, true).unwrap(),
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes?<|im_end|>\n\
         <|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"
    );
    assert_eq!(
        render(template, &asked[..2], false).unwrap(),
        format!("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n{thought}<|im_end|>\n")
    );
}

#[test]
fn smollm_2() {
    let template = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}\
        {{ '<|im_start|>system\nYou are SmolLM.<|im_end|>\n' }}{% endif %}\
        {{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    assert_eq!(
        render(template, &messages(&[("user", "Hi")]), true).unwrap(),
        "<|im_start|>system\nYou are SmolLM.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    );
}

#[test]
fn mistral_refuses_roles_that_do_not_alternate() {
    let template = r#"{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}

{{- bos_token }}
{%- for message in loop_messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('After the optional system message, roles must alternate!') }}
    {%- endif %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\n\n" + message["content"].strip() + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"].strip() + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"] + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}
"#;
    assert_eq!(
        render(template, &conversation(true), false).unwrap(),
        "<s>[INST] Hi[/INST] Yes?</s>[INST] Be brief.\n\nWho?[/INST]"
    );
    let error = render(template, &messages(&[("user", "a"), ("user", "b")]), false).unwrap_err();
    let reason = "After the optional system message, roles must alternate!".to_owned();
    assert_eq!(error, ChatTemplateError::Refused(reason));
}

/// Block tags on lines of their own leave nothing behind.
#[test]
fn tinyllama() {
    let template = "{% for message in messages %}\n{% if message['role'] == 'user' %}\n\
        {{ '<|user|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n\
        {{ '<|system|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n\
        {{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n\
        {% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}";
    assert_eq!(
        render(template, &conversation(true), true).unwrap(),
        "<|system|>\nBe brief.</s>\n<|user|>\n Hi </s>\n<|assistant|>\nYes?</s>\n<|user|>\nWho?</s>\n<|assistant|>\n"
    );
}

#[test]
fn the_default_backbone() {
    let template = ChatTemplate::read(&parse(&tiny()).unwrap()).unwrap().unwrap();
    let expected = "Q:  Hi \nA: Yes?\nQ: Who?\nA:";
    assert_eq!(template.render(&conversation(true), true).unwrap(), expected);
}

#[test]
fn methods_of_python() {
    let expressions = [
        ("' a '.strip() + '|'", "a|"),
        ("'xxaxx'.lstrip('x') ~ 'xxaxx'.rstrip('x')", "axxxxa"),
        ("'a b  c'.split()", "['a', 'b', 'c']"),
        ("'a,b,c'.split(',', 1)", "['a', 'b,c']"),
        ("'a,b,c'.split(',')[-1]", "c"),
        ("'abc'.startswith('ab') and 'abc'.endswith(('x', 'bc'))", "True"),
        ("'abc'.startswith('b')", "False"),
        ("'éab'.find('b') ~ 'a'.find('z')", "2-1"),
        ("'aXbX'.replace('X', '-')", "a-b-"),
        ("[1, 2, 3][1:][0]", "2"),
        ("'Ab'.upper() ~ 'Ab'.lower()", "ABab"),
        ("messages[0].get('role') ~ messages[0].get('x', 'y') ~ messages[0].get('z')", "useryNone"),
        ("messages[0].keys()|list|length", "2"),
    ];
    for (expression, expected) in expressions {
        let rendered = render(&format!("{{{{ {expression} }}}}"), &conversation(false), false).unwrap();
        assert_eq!(rendered, expected, "{expression}");
    }
    let items = "{% for key, value in messages[0].items() %}{{ key }}={{ value.strip() }};{% endfor %}";
    assert_eq!(render(items, &conversation(false), false).unwrap(), "role=user;content=Hi;");
    for bad in ["'a'.splice()", "'a'.split('')", "'a'.upper('b')", "messages[0].splice()", "(1).strip()"] {
        let error = render(&format!("{{{{ {bad} }}}}"), &conversation(false), false).unwrap_err();
        assert!(matches!(error, ChatTemplateError::Render(_)), "{bad}: {error}");
    }
}

#[test]
fn a_file_may_have_no_template() {
    assert!(ChatTemplate::read(&parse(&Writer::default().bytes()).unwrap()).unwrap().is_none());
}

#[test]
fn tokens_that_the_file_does_not_name_are_undefined() {
    let file = Writer::default()
        .meta("tokenizer.chat_template", Meta::Text("{{ bos_token is defined }} {{ eos_token is defined }}"))
        .meta("tokenizer.ggml.bos_token_id", Meta::U32(9));
    let template = ChatTemplate::read(&parse(&file.bytes()).unwrap()).unwrap().unwrap();
    assert_eq!(template.render(&conversation(false), false).unwrap(), "False False");
}

#[test]
fn templates_that_mean_no_good_end() {
    let loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    assert_eq!(render(loops, &conversation(false), false), Err(ChatTemplateError::Steps));
    let long = format!("{{% for a in range(9999) %}}{}{{% endfor %}}", "x".repeat(1000));
    assert_eq!(render(&long, &conversation(false), false), Err(ChatTemplateError::Output(65_652)));
    let recursive = "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}";
    assert!(matches!(
        render(recursive, &conversation(false), false),
        Err(ChatTemplateError::Render(_) | ChatTemplateError::Steps)
    ));
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(9999), ")".repeat(9999));
    assert!(matches!(read(&deep), Err(ChatTemplateError::Syntax(_))));
    // minijinja panics here.
    assert!(matches!(
        render("{{ ''[::-1] }}", &conversation(false), false),
        Err(ChatTemplateError::Render(_))
    ));
    assert_eq!(render("{{ messages[::-1] }}", &[], false), Err(ChatTemplateError::Empty));
    assert!(matches!(read("{% for %}"), Err(ChatTemplateError::Syntax(_))));
    assert_eq!(read(&"x".repeat(65_537)).unwrap_err(), ChatTemplateError::Size(65_537));
    assert!(matches!(
        render("{% include 'x' %}", &conversation(false), false),
        Err(ChatTemplateError::Render(_))
    ));
}
