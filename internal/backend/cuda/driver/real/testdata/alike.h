// What a C++ compiler needs to compare the prototypes of calls.h with those of NVIDIA's
// headers. Two functions are alike if a call of one, compiled for the other, passes the
// same bytes: handles are pointers to no matter what, and enumerations are integers.
#include <stddef.h>
#include <stdint.h>
#include <type_traits>

namespace ours {
#include "../calls.h"
}

template <class A, class B> constexpr bool alike() {
	using a = std::remove_cv_t<A>;
	using b = std::remove_cv_t<B>;
	constexpr bool opaque = std::is_void_v<a> || std::is_class_v<a>;
	if constexpr (opaque || std::is_void_v<b> || std::is_class_v<b>)
		return opaque && (std::is_void_v<b> || std::is_class_v<b>);
	else if constexpr (std::is_pointer_v<a> && std::is_pointer_v<b>)
		return alike<std::remove_pointer_t<a>, std::remove_pointer_t<b>>();
	else if constexpr (std::is_pointer_v<a> || std::is_pointer_v<b>)
		return false;
	else if constexpr (std::is_enum_v<a> || std::is_enum_v<b>)
		return sizeof(a) == sizeof(b) && !std::is_floating_point_v<a> && !std::is_floating_point_v<b>;
	else
		return sizeof(a) == sizeof(b) && std::is_floating_point_v<a> == std::is_floating_point_v<b> &&
			std::is_signed_v<a> == std::is_signed_v<b>;
}

template <class R, class... A, class S, class... B> constexpr bool same(R (*)(A...), S (*)(B...)) {
	if constexpr (sizeof...(A) != sizeof...(B))
		return false;
	else
		return alike<R, S>() && (alike<A, B>() && ...);
}

#define PROTOTYPE(table, field, name) static_assert(same(decltype(ours::table::field)(0), decltype(&name)(0)), #name)
#define CONSTANT(name, value) static_assert(name == value, #name)
