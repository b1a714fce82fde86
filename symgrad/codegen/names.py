"""Names in generated C: the user's own where C allows them, others made from them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

__all__ = ["RESERVED", "Namer", "comment", "sanitize"]

_KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while _Bool _Complex
_Imaginary asm typeof alignas alignof and and_eq bitand bitor bool catch class compl concept const_cast constexpr
decltype delete dynamic_cast explicit export false friend mutable namespace new noexcept not not_eq nullptr operator or
or_eq private protected public reinterpret_cast requires static_assert static_cast template this thread_local throw true
try typeid typename using virtual wchar_t xor xor_eq linux unix i386 main errno assert complex I signgam NULL
NAN INFINITY HUGE_VAL HUGE_VALF HUGE_VALL MATH_ERRNO MATH_ERREXCEPT math_errhandling size_t ptrdiff_t offsetof
""".split()
_FUNCTIONS = """
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs fdim floor fma fmax fmin
fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter
nexttoward pow remainder remquo rint round scalbln scalbn sin sinh sqrt tan tanh tgamma trunc
""".split()
_MACROS = """
fpclassify isfinite isinf isnan isnormal signbit isgreater isgreaterequal isless islessequal islessgreater isunordered
abort abs atexit atof atoi atol atoll bsearch calloc clearerr clock ctime difftime div exit fclose feof ferror fflush
fgetc fgets fopen fprintf fputc fputs fread free freopen fscanf fseek ftell fwrite getc getchar getenv gets imaxabs
isalnum isalpha isblank iscntrl isdigit isgraph islower isprint ispunct isspace isupper isxdigit labs ldiv llabs lldiv
localtime longjmp malloc memchr memcmp memcpy memmove memset mktime perror printf putc putchar puts qsort raise rand
realloc remove rename rewind scanf setjmp signal snprintf sprintf srand sscanf strcat strchr strcmp strcoll strcpy
strcspn strerror strftime strlen strncat strncmp strncpy strpbrk strrchr strspn strstr strtod strtof strtok strtol
strtold strtoll strtoul strtoull system time tmpfile tolower toupper ungetc va_arg va_copy va_end va_list va_start
vfprintf vprintf vsnprintf vsprintf cabs carg cexp clog conj cpow creal cimag csin ccos csqrt
work
""".split()
_LIBRARY = frozenset("j0 j1 jn y0 y1 yn gamma drem significand finite isinff isnanf scalb pow10 exp10 sincos".split())

RESERVED = frozenset(
    [*_KEYWORDS, *_MACROS, *(f + s for f in _FUNCTIONS for s in ("", "f", "l"))]
    + [f"{u}int{w}_t" for u in ("", "u") for w in ("8", "16", "32", "64", "ptr", "max")]
)
_OURS = re.compile(
    r"(sg_|SG_|_)|[tswcbijklpqr]k?\d+\Z|M_[A-Z0-9_]+\Z|(MAXFLOAT|HUGE|DOMAIN|SING|OVERFLOW|UNDERFLOW|PLOSS|TLOSS)\Z|[A-Z][A-Z0-9_]*(_MIN|_MAX|_C|_WORK|_H)\Z"
)


def sanitize(name: str) -> str:
    """Return a C identifier made from any string; Greek letters become their names."""
    letters = []
    for letter in unicodedata.normalize("NFKC", name):
        if letter.isascii():
            letters.append(letter if letter.isalnum() else "_")
        else:
            words = unicodedata.name(letter, "").lower().split()
            letters.append(words[-1] if words[:1] == ["greek"] and words[-1].isalpha() else "_")
    text = re.sub("__+", "_", "".join(letters)).strip("_")[:48].strip("_")
    if not text:
        return "arg"
    return f"a{text}" if text[0].isdigit() else text


class Namer:
    """Hands out identifiers, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)

    def take(self, wanted: str, function: bool = False) -> str:
        """Return ``wanted`` as an identifier that nobody else has; a function has none of the C library's either."""
        name = sanitize(wanted)
        if name in RESERVED or _OURS.match(name) or (function and name in _LIBRARY):
            name += "_"
        result, count = name, 1
        while result in self.taken or result in RESERVED:
            count += 1
            result = f"{name.rstrip('_')}_{count}"
        self.taken.add(result)
        return result

    def all(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Return one identifier for each of several."""
        return tuple([self.take(w) for w in wanted])


def comment(text: str) -> str:
    """Return text that cannot end a C comment, in printable ASCII on one line."""
    plain = "".join(c if " " <= c <= "~" else " " if c.isspace() else "?" for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").replace("\\", "/")
