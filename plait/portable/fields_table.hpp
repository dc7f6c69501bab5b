// The part of fields.hpp that the language makes us write out once for each number of fields: structured bindings and
// empty braces can't be made from a pack in C++20. Nothing to read here beyond the first three of each kind.
#pragma once

#include <plait/core/config.hpp>

#include <type_traits>

namespace plait::inline PLAIT_ABI::detail {

inline constexpr int most_fields = 64;

template <class... T> struct type_list {};
template <int N> struct field_count {};

/// braces<2>::initialise<T, X>: is T{{}, {}, X()} right?
template <int N> struct braces;

// A bit-field binds to no reference: every integer is visited as a copy, which then is written to where it came from.
template <class M> inline constexpr bool copied = std::is_integral_v<M> || std::is_enum_v<M>;
template <class T, class M> inline constexpr bool copied_back = copied<M> && !std::is_const_v<T>;
template <class M, class Visit> std::remove_cv_t<M> visit_copy(std::remove_cv_t<M> copy, Visit& visit) {
  visit(copy);
  return copy;
}
template <class M, class Visit>
void visit_field(std::conditional_t<copied<M>, std::remove_cv_t<M>, M&> field, Visit& visit) {
  visit(field);
}

#define PLAIT_BRACES(n, ...)                                                                                     \
  template <> struct braces<n> {                                                                                 \
    template <class T, class... Then> static constexpr bool initialise = requires { T{__VA_ARGS__ Then()...}; }; \
  };
#define PLAIT_FIELD_NAME(m) m
#define PLAIT_NEXT_FIELD_NAME(m) , m
#define PLAIT_FIELD_TYPE(m) decltype(m)
#define PLAIT_NEXT_FIELD_TYPE(m) , decltype(m)
#define PLAIT_VISIT_FIELD(m)                 \
  if constexpr (copied_back<T, decltype(m)>) \
    m = visit_copy<decltype(m)>(m, visit);   \
  else                                       \
    visit_field<decltype(m)>(m, visit);
#define PLAIT_FIELDS(n)                                                                        \
  template <class T> auto types_of_fields(field_count<n>, T& object) {                         \
    auto& [PLAIT_FIELDS_##n(PLAIT_FIELD_NAME, PLAIT_NEXT_FIELD_NAME)] = object;                \
    return type_list<PLAIT_FIELDS_##n(PLAIT_FIELD_TYPE, PLAIT_NEXT_FIELD_TYPE)>();             \
  }                                                                                            \
  template <class T, class Visit> void visit_fields(field_count<n>, T& object, Visit& visit) { \
    auto& [PLAIT_FIELDS_##n(PLAIT_FIELD_NAME, PLAIT_NEXT_FIELD_NAME)] = object;                \
    PLAIT_FIELDS_##n(PLAIT_VISIT_FIELD, PLAIT_VISIT_FIELD)                                     \
  }

// clang-format off
#define PLAIT_BRACES_0
#define PLAIT_BRACES_1 PLAIT_BRACES_0 {},
#define PLAIT_BRACES_2 PLAIT_BRACES_1 {},
#define PLAIT_BRACES_3 PLAIT_BRACES_2 {},
#define PLAIT_BRACES_4 PLAIT_BRACES_3 {},
#define PLAIT_BRACES_5 PLAIT_BRACES_4 {},
#define PLAIT_BRACES_6 PLAIT_BRACES_5 {},
#define PLAIT_BRACES_7 PLAIT_BRACES_6 {},
#define PLAIT_BRACES_8 PLAIT_BRACES_7 {},
#define PLAIT_BRACES_9 PLAIT_BRACES_8 {},
#define PLAIT_BRACES_10 PLAIT_BRACES_9 {},
#define PLAIT_BRACES_11 PLAIT_BRACES_10 {},
#define PLAIT_BRACES_12 PLAIT_BRACES_11 {},
#define PLAIT_BRACES_13 PLAIT_BRACES_12 {},
#define PLAIT_BRACES_14 PLAIT_BRACES_13 {},
#define PLAIT_BRACES_15 PLAIT_BRACES_14 {},
#define PLAIT_BRACES_16 PLAIT_BRACES_15 {},
#define PLAIT_BRACES_17 PLAIT_BRACES_16 {},
#define PLAIT_BRACES_18 PLAIT_BRACES_17 {},
#define PLAIT_BRACES_19 PLAIT_BRACES_18 {},
#define PLAIT_BRACES_20 PLAIT_BRACES_19 {},
#define PLAIT_BRACES_21 PLAIT_BRACES_20 {},
#define PLAIT_BRACES_22 PLAIT_BRACES_21 {},
#define PLAIT_BRACES_23 PLAIT_BRACES_22 {},
#define PLAIT_BRACES_24 PLAIT_BRACES_23 {},
#define PLAIT_BRACES_25 PLAIT_BRACES_24 {},
#define PLAIT_BRACES_26 PLAIT_BRACES_25 {},
#define PLAIT_BRACES_27 PLAIT_BRACES_26 {},
#define PLAIT_BRACES_28 PLAIT_BRACES_27 {},
#define PLAIT_BRACES_29 PLAIT_BRACES_28 {},
#define PLAIT_BRACES_30 PLAIT_BRACES_29 {},
#define PLAIT_BRACES_31 PLAIT_BRACES_30 {},
#define PLAIT_BRACES_32 PLAIT_BRACES_31 {},
#define PLAIT_BRACES_33 PLAIT_BRACES_32 {},
#define PLAIT_BRACES_34 PLAIT_BRACES_33 {},
#define PLAIT_BRACES_35 PLAIT_BRACES_34 {},
#define PLAIT_BRACES_36 PLAIT_BRACES_35 {},
#define PLAIT_BRACES_37 PLAIT_BRACES_36 {},
#define PLAIT_BRACES_38 PLAIT_BRACES_37 {},
#define PLAIT_BRACES_39 PLAIT_BRACES_38 {},
#define PLAIT_BRACES_40 PLAIT_BRACES_39 {},
#define PLAIT_BRACES_41 PLAIT_BRACES_40 {},
#define PLAIT_BRACES_42 PLAIT_BRACES_41 {},
#define PLAIT_BRACES_43 PLAIT_BRACES_42 {},
#define PLAIT_BRACES_44 PLAIT_BRACES_43 {},
#define PLAIT_BRACES_45 PLAIT_BRACES_44 {},
#define PLAIT_BRACES_46 PLAIT_BRACES_45 {},
#define PLAIT_BRACES_47 PLAIT_BRACES_46 {},
#define PLAIT_BRACES_48 PLAIT_BRACES_47 {},
#define PLAIT_BRACES_49 PLAIT_BRACES_48 {},
#define PLAIT_BRACES_50 PLAIT_BRACES_49 {},
#define PLAIT_BRACES_51 PLAIT_BRACES_50 {},
#define PLAIT_BRACES_52 PLAIT_BRACES_51 {},
#define PLAIT_BRACES_53 PLAIT_BRACES_52 {},
#define PLAIT_BRACES_54 PLAIT_BRACES_53 {},
#define PLAIT_BRACES_55 PLAIT_BRACES_54 {},
#define PLAIT_BRACES_56 PLAIT_BRACES_55 {},
#define PLAIT_BRACES_57 PLAIT_BRACES_56 {},
#define PLAIT_BRACES_58 PLAIT_BRACES_57 {},
#define PLAIT_BRACES_59 PLAIT_BRACES_58 {},
#define PLAIT_BRACES_60 PLAIT_BRACES_59 {},
#define PLAIT_BRACES_61 PLAIT_BRACES_60 {},
#define PLAIT_BRACES_62 PLAIT_BRACES_61 {},
#define PLAIT_BRACES_63 PLAIT_BRACES_62 {},
#define PLAIT_BRACES_64 PLAIT_BRACES_63 {},
#define PLAIT_BRACES_65 PLAIT_BRACES_64 {},

#define PLAIT_FIELDS_1(first, next) first(m1)
#define PLAIT_FIELDS_2(first, next) PLAIT_FIELDS_1(first, next) next(m2)
#define PLAIT_FIELDS_3(first, next) PLAIT_FIELDS_2(first, next) next(m3)
#define PLAIT_FIELDS_4(first, next) PLAIT_FIELDS_3(first, next) next(m4)
#define PLAIT_FIELDS_5(first, next) PLAIT_FIELDS_4(first, next) next(m5)
#define PLAIT_FIELDS_6(first, next) PLAIT_FIELDS_5(first, next) next(m6)
#define PLAIT_FIELDS_7(first, next) PLAIT_FIELDS_6(first, next) next(m7)
#define PLAIT_FIELDS_8(first, next) PLAIT_FIELDS_7(first, next) next(m8)
#define PLAIT_FIELDS_9(first, next) PLAIT_FIELDS_8(first, next) next(m9)
#define PLAIT_FIELDS_10(first, next) PLAIT_FIELDS_9(first, next) next(m10)
#define PLAIT_FIELDS_11(first, next) PLAIT_FIELDS_10(first, next) next(m11)
#define PLAIT_FIELDS_12(first, next) PLAIT_FIELDS_11(first, next) next(m12)
#define PLAIT_FIELDS_13(first, next) PLAIT_FIELDS_12(first, next) next(m13)
#define PLAIT_FIELDS_14(first, next) PLAIT_FIELDS_13(first, next) next(m14)
#define PLAIT_FIELDS_15(first, next) PLAIT_FIELDS_14(first, next) next(m15)
#define PLAIT_FIELDS_16(first, next) PLAIT_FIELDS_15(first, next) next(m16)
#define PLAIT_FIELDS_17(first, next) PLAIT_FIELDS_16(first, next) next(m17)
#define PLAIT_FIELDS_18(first, next) PLAIT_FIELDS_17(first, next) next(m18)
#define PLAIT_FIELDS_19(first, next) PLAIT_FIELDS_18(first, next) next(m19)
#define PLAIT_FIELDS_20(first, next) PLAIT_FIELDS_19(first, next) next(m20)
#define PLAIT_FIELDS_21(first, next) PLAIT_FIELDS_20(first, next) next(m21)
#define PLAIT_FIELDS_22(first, next) PLAIT_FIELDS_21(first, next) next(m22)
#define PLAIT_FIELDS_23(first, next) PLAIT_FIELDS_22(first, next) next(m23)
#define PLAIT_FIELDS_24(first, next) PLAIT_FIELDS_23(first, next) next(m24)
#define PLAIT_FIELDS_25(first, next) PLAIT_FIELDS_24(first, next) next(m25)
#define PLAIT_FIELDS_26(first, next) PLAIT_FIELDS_25(first, next) next(m26)
#define PLAIT_FIELDS_27(first, next) PLAIT_FIELDS_26(first, next) next(m27)
#define PLAIT_FIELDS_28(first, next) PLAIT_FIELDS_27(first, next) next(m28)
#define PLAIT_FIELDS_29(first, next) PLAIT_FIELDS_28(first, next) next(m29)
#define PLAIT_FIELDS_30(first, next) PLAIT_FIELDS_29(first, next) next(m30)
#define PLAIT_FIELDS_31(first, next) PLAIT_FIELDS_30(first, next) next(m31)
#define PLAIT_FIELDS_32(first, next) PLAIT_FIELDS_31(first, next) next(m32)
#define PLAIT_FIELDS_33(first, next) PLAIT_FIELDS_32(first, next) next(m33)
#define PLAIT_FIELDS_34(first, next) PLAIT_FIELDS_33(first, next) next(m34)
#define PLAIT_FIELDS_35(first, next) PLAIT_FIELDS_34(first, next) next(m35)
#define PLAIT_FIELDS_36(first, next) PLAIT_FIELDS_35(first, next) next(m36)
#define PLAIT_FIELDS_37(first, next) PLAIT_FIELDS_36(first, next) next(m37)
#define PLAIT_FIELDS_38(first, next) PLAIT_FIELDS_37(first, next) next(m38)
#define PLAIT_FIELDS_39(first, next) PLAIT_FIELDS_38(first, next) next(m39)
#define PLAIT_FIELDS_40(first, next) PLAIT_FIELDS_39(first, next) next(m40)
#define PLAIT_FIELDS_41(first, next) PLAIT_FIELDS_40(first, next) next(m41)
#define PLAIT_FIELDS_42(first, next) PLAIT_FIELDS_41(first, next) next(m42)
#define PLAIT_FIELDS_43(first, next) PLAIT_FIELDS_42(first, next) next(m43)
#define PLAIT_FIELDS_44(first, next) PLAIT_FIELDS_43(first, next) next(m44)
#define PLAIT_FIELDS_45(first, next) PLAIT_FIELDS_44(first, next) next(m45)
#define PLAIT_FIELDS_46(first, next) PLAIT_FIELDS_45(first, next) next(m46)
#define PLAIT_FIELDS_47(first, next) PLAIT_FIELDS_46(first, next) next(m47)
#define PLAIT_FIELDS_48(first, next) PLAIT_FIELDS_47(first, next) next(m48)
#define PLAIT_FIELDS_49(first, next) PLAIT_FIELDS_48(first, next) next(m49)
#define PLAIT_FIELDS_50(first, next) PLAIT_FIELDS_49(first, next) next(m50)
#define PLAIT_FIELDS_51(first, next) PLAIT_FIELDS_50(first, next) next(m51)
#define PLAIT_FIELDS_52(first, next) PLAIT_FIELDS_51(first, next) next(m52)
#define PLAIT_FIELDS_53(first, next) PLAIT_FIELDS_52(first, next) next(m53)
#define PLAIT_FIELDS_54(first, next) PLAIT_FIELDS_53(first, next) next(m54)
#define PLAIT_FIELDS_55(first, next) PLAIT_FIELDS_54(first, next) next(m55)
#define PLAIT_FIELDS_56(first, next) PLAIT_FIELDS_55(first, next) next(m56)
#define PLAIT_FIELDS_57(first, next) PLAIT_FIELDS_56(first, next) next(m57)
#define PLAIT_FIELDS_58(first, next) PLAIT_FIELDS_57(first, next) next(m58)
#define PLAIT_FIELDS_59(first, next) PLAIT_FIELDS_58(first, next) next(m59)
#define PLAIT_FIELDS_60(first, next) PLAIT_FIELDS_59(first, next) next(m60)
#define PLAIT_FIELDS_61(first, next) PLAIT_FIELDS_60(first, next) next(m61)
#define PLAIT_FIELDS_62(first, next) PLAIT_FIELDS_61(first, next) next(m62)
#define PLAIT_FIELDS_63(first, next) PLAIT_FIELDS_62(first, next) next(m63)
#define PLAIT_FIELDS_64(first, next) PLAIT_FIELDS_63(first, next) next(m64)

PLAIT_BRACES(0, PLAIT_BRACES_0) PLAIT_BRACES(1, PLAIT_BRACES_1) PLAIT_BRACES(2, PLAIT_BRACES_2)
PLAIT_BRACES(3, PLAIT_BRACES_3) PLAIT_BRACES(4, PLAIT_BRACES_4) PLAIT_BRACES(5, PLAIT_BRACES_5)
PLAIT_BRACES(6, PLAIT_BRACES_6) PLAIT_BRACES(7, PLAIT_BRACES_7) PLAIT_BRACES(8, PLAIT_BRACES_8)
PLAIT_BRACES(9, PLAIT_BRACES_9) PLAIT_BRACES(10, PLAIT_BRACES_10) PLAIT_BRACES(11, PLAIT_BRACES_11)
PLAIT_BRACES(12, PLAIT_BRACES_12) PLAIT_BRACES(13, PLAIT_BRACES_13) PLAIT_BRACES(14, PLAIT_BRACES_14)
PLAIT_BRACES(15, PLAIT_BRACES_15) PLAIT_BRACES(16, PLAIT_BRACES_16) PLAIT_BRACES(17, PLAIT_BRACES_17)
PLAIT_BRACES(18, PLAIT_BRACES_18) PLAIT_BRACES(19, PLAIT_BRACES_19) PLAIT_BRACES(20, PLAIT_BRACES_20)
PLAIT_BRACES(21, PLAIT_BRACES_21) PLAIT_BRACES(22, PLAIT_BRACES_22) PLAIT_BRACES(23, PLAIT_BRACES_23)
PLAIT_BRACES(24, PLAIT_BRACES_24) PLAIT_BRACES(25, PLAIT_BRACES_25) PLAIT_BRACES(26, PLAIT_BRACES_26)
PLAIT_BRACES(27, PLAIT_BRACES_27) PLAIT_BRACES(28, PLAIT_BRACES_28) PLAIT_BRACES(29, PLAIT_BRACES_29)
PLAIT_BRACES(30, PLAIT_BRACES_30) PLAIT_BRACES(31, PLAIT_BRACES_31) PLAIT_BRACES(32, PLAIT_BRACES_32)
PLAIT_BRACES(33, PLAIT_BRACES_33) PLAIT_BRACES(34, PLAIT_BRACES_34) PLAIT_BRACES(35, PLAIT_BRACES_35)
PLAIT_BRACES(36, PLAIT_BRACES_36) PLAIT_BRACES(37, PLAIT_BRACES_37) PLAIT_BRACES(38, PLAIT_BRACES_38)
PLAIT_BRACES(39, PLAIT_BRACES_39) PLAIT_BRACES(40, PLAIT_BRACES_40) PLAIT_BRACES(41, PLAIT_BRACES_41)
PLAIT_BRACES(42, PLAIT_BRACES_42) PLAIT_BRACES(43, PLAIT_BRACES_43) PLAIT_BRACES(44, PLAIT_BRACES_44)
PLAIT_BRACES(45, PLAIT_BRACES_45) PLAIT_BRACES(46, PLAIT_BRACES_46) PLAIT_BRACES(47, PLAIT_BRACES_47)
PLAIT_BRACES(48, PLAIT_BRACES_48) PLAIT_BRACES(49, PLAIT_BRACES_49) PLAIT_BRACES(50, PLAIT_BRACES_50)
PLAIT_BRACES(51, PLAIT_BRACES_51) PLAIT_BRACES(52, PLAIT_BRACES_52) PLAIT_BRACES(53, PLAIT_BRACES_53)
PLAIT_BRACES(54, PLAIT_BRACES_54) PLAIT_BRACES(55, PLAIT_BRACES_55) PLAIT_BRACES(56, PLAIT_BRACES_56)
PLAIT_BRACES(57, PLAIT_BRACES_57) PLAIT_BRACES(58, PLAIT_BRACES_58) PLAIT_BRACES(59, PLAIT_BRACES_59)
PLAIT_BRACES(60, PLAIT_BRACES_60) PLAIT_BRACES(61, PLAIT_BRACES_61) PLAIT_BRACES(62, PLAIT_BRACES_62)
PLAIT_BRACES(63, PLAIT_BRACES_63) PLAIT_BRACES(64, PLAIT_BRACES_64) PLAIT_BRACES(65, PLAIT_BRACES_65)

PLAIT_FIELDS(1) PLAIT_FIELDS(2) PLAIT_FIELDS(3) PLAIT_FIELDS(4) PLAIT_FIELDS(5) PLAIT_FIELDS(6) PLAIT_FIELDS(7)
PLAIT_FIELDS(8) PLAIT_FIELDS(9) PLAIT_FIELDS(10) PLAIT_FIELDS(11) PLAIT_FIELDS(12) PLAIT_FIELDS(13) PLAIT_FIELDS(14)
PLAIT_FIELDS(15) PLAIT_FIELDS(16) PLAIT_FIELDS(17) PLAIT_FIELDS(18) PLAIT_FIELDS(19) PLAIT_FIELDS(20)
PLAIT_FIELDS(21) PLAIT_FIELDS(22) PLAIT_FIELDS(23) PLAIT_FIELDS(24) PLAIT_FIELDS(25) PLAIT_FIELDS(26)
PLAIT_FIELDS(27) PLAIT_FIELDS(28) PLAIT_FIELDS(29) PLAIT_FIELDS(30) PLAIT_FIELDS(31) PLAIT_FIELDS(32)
PLAIT_FIELDS(33) PLAIT_FIELDS(34) PLAIT_FIELDS(35) PLAIT_FIELDS(36) PLAIT_FIELDS(37) PLAIT_FIELDS(38)
PLAIT_FIELDS(39) PLAIT_FIELDS(40) PLAIT_FIELDS(41) PLAIT_FIELDS(42) PLAIT_FIELDS(43) PLAIT_FIELDS(44)
PLAIT_FIELDS(45) PLAIT_FIELDS(46) PLAIT_FIELDS(47) PLAIT_FIELDS(48) PLAIT_FIELDS(49) PLAIT_FIELDS(50)
PLAIT_FIELDS(51) PLAIT_FIELDS(52) PLAIT_FIELDS(53) PLAIT_FIELDS(54) PLAIT_FIELDS(55) PLAIT_FIELDS(56)
PLAIT_FIELDS(57) PLAIT_FIELDS(58) PLAIT_FIELDS(59) PLAIT_FIELDS(60) PLAIT_FIELDS(61) PLAIT_FIELDS(62)
PLAIT_FIELDS(63) PLAIT_FIELDS(64)
    // clang-format on

    inline auto types_of_fields(field_count<0>, const volatile auto& /*object*/) {
  return type_list<>();
}
inline void visit_fields(field_count<0>, const auto& /*object*/, auto& /*visit*/) {}

#undef PLAIT_BRACES
#undef PLAIT_FIELD_NAME
#undef PLAIT_NEXT_FIELD_NAME
#undef PLAIT_FIELD_TYPE
#undef PLAIT_NEXT_FIELD_TYPE
#undef PLAIT_VISIT_FIELD
#undef PLAIT_FIELDS

}  // namespace plait::inline PLAIT_ABI::detail
