#include "base.h"
#include "actions/actions.h"
