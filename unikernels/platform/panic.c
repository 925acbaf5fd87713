#include "panic.h"

#include "../contract.h"
#include "console.h"
#include "text.h"

static _Noreturn void end_with(struct text *line) {
	text_char(line, '\n');
	console_last_words(line->bytes, line->length);
	power_off();
}

_Noreturn void panic(const char *why) {
	char bytes[200];
	struct text line = TEXT_OVER(bytes);
	text_string(&line, CONTRACT_SAY_PANIC);
	text_string(&line, why);
	end_with(&line);
}

_Noreturn void panic_number(const char *why, uint64_t number) {
	char bytes[200];
	struct text line = TEXT_OVER(bytes);
	text_string(&line, CONTRACT_SAY_PANIC);
	text_string(&line, why);
	text_char(&line, ' ');
	text_hex(&line, number);
	end_with(&line);
}
