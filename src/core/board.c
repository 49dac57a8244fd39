#include "base.h"
#include "core/board.h"
